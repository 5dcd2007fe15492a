/** Operators while the ledger is away: every call to it takes its whole patience, and the clock goes on ticking. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { tick } from '../../src/catalog/activity-changes.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import { createTemplate, patchTemplate, publishTemplate } from '../../src/catalog/template-changes.ts';
import { CHANGES_WAITING_MAX } from '../../src/limits.ts';
import type { Result } from '../../src/problems.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { within } from '../support/wait.ts';
import { templateFields } from './bodies.ts';

/** Of one call to the ledger; an operator waits for at most two and a half of them. */
const CALL_MS = 40;
const PATIENCE_MS = 100;
/** While the templates of `templateFields` are valid. */
const NOW_MS = Date.UTC(2026, 10, 10);

let store: SqliteStore;
let catalog: Catalog;
let away: boolean;
let calls: number;

beforeEach(async () => {
  store = new SqliteStore(':memory:');
  away = false;
  calls = 0;
  catalog = await Catalog.load({
    store,
    engine: {
      async templateChanged() {
        calls++;
        if (!away) return;
        await new Promise((resolve) => setTimeout(resolve, CALL_MS));
        throw new Error('the ledger cannot be used at the moment');
      },
      openActivity: async () => ({ ok: true }),
      resizeActivity: async () => ({ ok: true }),
      closeActivity: async () => {},
    },
    spaces: () => [{ space: 'space', size: 10_000 }],
    now: () => NOW_MS,
    log: { error: () => {} },
    patienceMs: PATIENCE_MS,
  });
});

afterEach(() => store.close());

async function published(): Promise<number> {
  const made = await createTemplate(catalog, templateFields({}), null);
  if (!made.ok) throw new Error(made.problem.detail);
  const { id } = made.value;
  expect((await publishTemplate(catalog, id)).ok).toBe(true);
  return id;
}

function codes(results: readonly Result<unknown>[]): string[] {
  return results.map((result) => (result.ok ? 'ok' : result.problem.code));
}

it('answers every change within its patience, however often the clock has ticked meanwhile', async () => {
  const id = await published();
  away = true;
  expect(codes([await patchTemplate(catalog, id, { intro: 'first' })])).toEqual(['unavailable']);
  const before = calls;
  const ticks = Array.from({ length: 200 }, () => tick(catalog));
  const change = patchTemplate(catalog, id, { intro: 'second' });
  const outcome = await within(change, 'a change behind two hundred ticks', PATIENCE_MS * 4);
  expect(codes([outcome])).toEqual(['unavailable']);
  expect(calls - before).toBeLessThanOrEqual(4);
  away = false;
  await Promise.all(ticks);
  expect(codes([await patchTemplate(catalog, id, { intro: 'third' })])).toEqual(['ok']);
});

it('begins no change whose caller has been answered, and refuses those beyond the bound', async () => {
  const id = await published();
  away = true;
  const changes = Array.from({ length: CHANGES_WAITING_MAX + 2 }, (_, i) =>
    patchTemplate(catalog, id, { intro: `change ${i}` }),
  );
  const answered = codes(await within(Promise.all(changes), 'all changes', PATIENCE_MS * 4));
  expect(answered.pop()).toBe('overloaded');
  expect(new Set(answered)).toEqual(new Set(['unavailable']));
  away = false;
  expect(codes([await patchTemplate(catalog, id, { intro: 'last' })])).toEqual(['ok']);
  // The first ones were stored before the patience of all was over; whoever came later changed nothing.
  expect(catalog.template(id)!.version).toBeLessThan(8);
  expect(catalog.template(id)!.intro).toBe('last');
});
