/** What readers are told of an activity, held against what an actor answers a stranger who claims. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rulesOf } from '../../src/actors/rules.ts';
import { TemplateActor, WAIT } from '../../src/actors/template-actor.ts';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { UserTable } from '../../src/actors/user-table.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import { activityState } from '../../src/catalog/activity-state.ts';
import type { Activity, Template } from '../../src/domain/template.ts';
import { activity, template } from '../records/samples.ts';

/** Whose user id is in every audience that is not empty. */
const USER = 7;

function verdictOf(one: Activity, its: Template, nowMs: number): number {
  const rules = rulesOf(its, [one]);
  const units = new UnitTable([]);
  units.grow(its.total);
  const actor = new TemplateActor(rules, 0, UserTable.create(1), units);
  return actor.decide(actor.pools.get(one.id)!, USER, 0, 0, 0, nowMs);
}

const ms = fc.integer({ min: 0, max: 8 });
const bound = fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: ms });
const someActivity = fc
  .record({
    startsAtMs: ms,
    lastsMs: fc.integer({ min: 1, max: 8 }),
    isStopped: fc.constantFrom(false, false, false, true),
  })
  .map(({ startsAtMs, lastsMs, isStopped }) =>
    activity({ id: 9, startsAtMs, endsAtMs: startsAtMs + lastsMs, status: isStopped ? 'stopped' : 'active' }),
  );
const someTemplate = fc
  .record({
    status: fc.constantFrom(
      'published' as const,
      'published' as const,
      'published' as const,
      'published' as const,
      'disabled' as const,
      'deleted' as const,
    ),
    distribution: fc.constantFrom('claim' as const, 'claim' as const, 'both' as const, 'grant' as const),
    claimFromMs: bound,
    claimUntilMs: bound,
    usableUntilMs: bound,
    invited: fc.constantFrom(null, null, [String(USER)], []),
  })
  .map(({ usableUntilMs, invited, ...fields }) =>
    template({
      ...fields,
      id: 1,
      total: 10,
      audience: invited === null ? null : { userIds: invited },
      validity: usableUntilMs === null ? { daysAfterClaim: 1 } : { fromMs: 0, untilMs: usableUntilMs },
    }),
  );

test('running is what takes claims, and nothing else', () => {
  let running = 0;
  fc.assert(
    fc.property(someActivity, someTemplate, ms, (one, its, nowMs) => {
      const state = activityState(one, its, nowMs);
      const verdict = verdictOf(one, its, nowMs);
      expect(state === 'running').toBe(verdict === WAIT);
      if (verdict === WAIT) running++;
      const isOver = one.status === 'stopped' || nowMs >= one.endsAtMs || its.status === 'deleted';
      // What is over stays so; what is not says why nobody gets anything.
      if (isOver) expect(state).toBe('ended');
      else if (verdict === Verdict.notActive || verdict === Verdict.notEligible)
        expect(state).toBe('suspended');
      else if (state === 'waiting') expect(verdict).toBe(Verdict.notStarted);
    }),
    { numRuns: 1_000 },
  );
  expect(running).toBeGreaterThan(15);
});

test('waiting comes to run, unless somebody changes something', () => {
  fc.assert(
    fc.property(someActivity, someTemplate, ms, (one, its, nowMs) => {
      if (activityState(one, its, nowMs) !== 'waiting') return;
      const later = Array.from({ length: 24 }, (_, i) => activityState(one, its, nowMs + i));
      const inOrder = later.filter((state, i) => state !== later[i - 1]);
      expect(inOrder.slice(0, 3)).toEqual(['waiting', 'running', 'ended']);
    }),
    { numRuns: 1_000 },
  );
});
