import { expect, test } from 'vitest';
import type { Template } from '../../src/domain/template.ts';
import { refusalToAll } from '../../src/operations/claimability.ts';
import type { ProblemCode } from '../../src/problems.ts';
import { Shelf } from '../claims/views.ts';

const NOW_MS = 1000;

test.each<[string, Partial<Template>, ProblemCode | null]>([
  ['published', {}, null],
  ['disabled', { status: 'disabled' }, 'not_active'],
  ['deleted', { status: 'deleted' }, 'not_active'],
  ['only granted', { distribution: 'grant' }, 'not_eligible'],
  ['before its window', { claimFromMs: NOW_MS + 1 }, 'not_started'],
  ['at its first moment', { claimFromMs: NOW_MS }, null],
  ['at its end', { claimUntilMs: NOW_MS }, 'ended'],
  ['for some users: that is not said to all', { audience: { userIds: ['8'] } }, null],
])('a template that is %s', (_, changes, reason) => {
  expect(refusalToAll(new Shelf(changes).view, NOW_MS)).toBe(reason);
});

test('a template that was never published takes no claims', () => {
  expect(refusalToAll(undefined, NOW_MS)).toBe('not_active');
});

test('one that is sold out says so, unless there is more to say', () => {
  const { view } = new Shelf({ claimUntilMs: NOW_MS + 1 });
  view.pools.get(0)!.mark(true, true);
  expect(refusalToAll(view, NOW_MS)).toBe('sold_out');
  expect(refusalToAll(view, NOW_MS + 1)).toBe('ended');
});
