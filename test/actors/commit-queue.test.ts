/** What waits for the ledger leaves in one batch: by pool, in order, each pool with the units it has. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Candidate, CommitQueue, commitGroups, sameTime } from '../../src/actors/commit-queue.ts';
import { type PoolState, TemplateActor } from '../../src/actors/template-actor.ts';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { UserTable } from '../../src/actors/user-table.ts';
import { blankEntry, ENTRY_WORDS, readEntry, writeEntry } from '../../src/claimlog/entry.ts';
import { COMMIT_CLAIMS_MAX } from '../../src/limits.ts';
import { poolRules, templateRules } from './rules.ts';

const NOW_MS = 1_790_000_123_456;
const TOTAL = 4_000;

function poolsOf(templateId: number): { general: PoolState; ofActivity: PoolState } {
  const units = new UnitTable([]);
  units.grow(TOTAL);
  const pools = [poolRules({ perUserLimit: 3 }), poolRules({ activityId: 8, perUserLimit: 2 })];
  const rules = templateRules({ templateId, perUserLimit: 4, pools });
  const actor = new TemplateActor(rules, 0, UserTable.create(9), units);
  return { general: actor.pools.get(0)!, ofActivity: actor.pools.get(8)! };
}

function candidate(pool: PoolState, slotWord: number): Candidate {
  return { pool, slotWord, lo: slotWord * 7, hi: 1, keyLo: slotWord * 3, keyHi: 2, deadlineMs: 0, spent: 0 };
}

function slots(candidates: readonly Candidate[]): number[] {
  return candidates.map(({ slotWord }) => slotWord);
}

describe('a flight', () => {
  test('takes all that waits, by pool in order of arrival, and a unit for each claim', () => {
    const { general, ofActivity } = poolsOf(5);
    general.slice.add([{ from: 10, to: 90 }]);
    ofActivity.slice.add([{ from: 200, to: 290 }]);
    const queue = new CommitQueue(5);
    [general, ofActivity, general].forEach((pool, slot) => void queue.add(candidate(pool, slot)));
    const flight = queue.depart(NOW_MS);
    expect(flight.groups.map(({ candidates }) => slots(candidates))).toEqual([[0, 2], [1]]);
    expect(flight.groups.map(({ pool }) => pool)).toEqual([general, ofActivity]);
    expect(flight.groups.map(({ serials }) => serials)).toEqual([[10, 11], [200]]);
    expect([queue.isEmpty, queue.flight === flight, flight.givenUp]).toEqual([true, true, false]);
  });

  test('goes with fewer units than claims when the slice has no more', () => {
    const { general } = poolsOf(5);
    general.slice.add([{ from: 0, to: 2 }]);
    const queue = new CommitQueue(5);
    for (let slot = 0; slot < 4; slot++) queue.add(candidate(general, slot));
    const [group] = queue.depart(NOW_MS).groups;
    expect([group.candidates.length, group.serials]).toEqual([4, [0, 1]]);
    expect([general.slice.pending, general.slice.unsold]).toEqual([2, 0]);
  });

  test('tells when the pool last sold, but not when it had nothing to offer', () => {
    const { general, ofActivity } = poolsOf(5);
    general.slice.add([{ from: 0, to: 2 }]);
    const queue = new CommitQueue(5);
    for (const pool of [general, ofActivity]) queue.add(candidate(pool, 1));
    queue.depart(NOW_MS);
    expect([general.lastTakenMs, ofActivity.lastTakenMs]).toEqual([NOW_MS, 0]);
  });

  test('holds COMMIT_CLAIMS_MAX claims; the rest is the next one, under the next sequence', () => {
    const { general } = poolsOf(5);
    general.slice.add([{ from: 0, to: TOTAL }]);
    const queue = new CommitQueue(5);
    for (let slot = 0; slot < COMMIT_CLAIMS_MAX + 3; slot++) queue.add(candidate(general, slot));
    const first = queue.depart(NOW_MS);
    expect(first.groups[0].candidates.length).toBe(COMMIT_CLAIMS_MAX);
    expect(queue.isEmpty).toBe(false);
    const second = queue.depart(NOW_MS + 1);
    expect(slots(second.groups[0].candidates)).toEqual([0, 1, 2].map((i) => COMMIT_CLAIMS_MAX + i));
    expect(second.groups[0].serials[0]).toBe(COMMIT_CLAIMS_MAX);
    expect([first.sequence, second.sequence]).toEqual([1, 2]);
    expect(second.timeMs).toBe(NOW_MS + 1);
  });

  test('loses no claim, doubles none and keeps their order in each pool', () => {
    const arrivals = fc.array(fc.nat(3), { maxLength: 60 });
    fc.assert(
      fc.property(arrivals, fc.array(fc.nat(20), { minLength: 4, maxLength: 4 }), (order, stock) => {
        const pools = [5, 21].flatMap((id) => Object.values(poolsOf(id)));
        pools.forEach((pool, i) => {
          if (stock[i] > 0) pool.slice.add([{ from: i * 100, to: i * 100 + stock[i] }]);
        });
        const queue = new CommitQueue(5);
        order.forEach((i, slot) => void queue.add(candidate(pools[i], slot)));
        const { groups } = queue.depart(NOW_MS);
        expect(new Set(groups.map(({ pool }) => pool)).size).toBe(groups.length);
        for (const { pool, candidates, serials } of groups) {
          const i = pools.indexOf(pool);
          expect(slots(candidates)).toEqual([...order.keys()].filter((slot) => order[slot] === i));
          const offered = Math.min(stock[i], candidates.length);
          expect(serials).toEqual(Array.from({ length: offered }, (_, unit) => i * 100 + unit));
        }
        expect(groups.reduce((sum, { candidates }) => sum + candidates.length, 0)).toBe(order.length);
      }),
    );
  });
});

test('all that waits can be taken out, and then nothing waits', () => {
  const { general } = poolsOf(5);
  const queue = new CommitQueue(5);
  for (let slot = 0; slot < 3; slot++) queue.add(candidate(general, slot));
  expect(slots(queue.takeAll())).toEqual([0, 1, 2]);
  expect([queue.isEmpty, queue.takeAll()]).toEqual([true, []]);
});

describe('what the ledger is asked', () => {
  test('names pool and limits of each group', () => {
    const { general, ofActivity } = poolsOf(21);
    const queue = new CommitQueue(5);
    for (const pool of [general, ofActivity]) queue.add(candidate(pool, 1));
    const limits = { templateId: 21, templateLimit: 4 };
    expect(commitGroups(queue.depart(NOW_MS))).toMatchObject([
      { ...limits, activityId: 0, poolLimit: 3 },
      { ...limits, activityId: 8, poolLimit: 2 },
    ]);
  });

  test('has four words a claim and three a unit, which make the very entry of the log', () => {
    const { general } = poolsOf(5);
    general.slice.add([{ from: 30, to: 32 }]);
    for (const serial of [30, 31]) general.actor.units.setCode(serial, 0xdead_0000 + serial, 0xfedc);
    const queue = new CommitQueue(5);
    const user = { lo: 0xffff_fffe, hi: 0x7fff_ffff, keyLo: 0xffff_ffff, keyHi: 0x8000_0001 };
    queue.add(candidate(general, 1));
    queue.add({ pool: general, slotWord: 2, ...user, deadlineMs: 0, spent: 0 });
    const [{ claims, units }] = commitGroups(queue.depart(NOW_MS));
    expect([...claims]).toEqual([7, 1, 3, 2, user.lo, user.hi, user.keyLo, user.keyHi]);
    expect(units.length).toBe(6);
    // As the script puts them together: the low word of the time comes with the batch.
    const [serial, codeLo, codeAndTime] = units.subarray(3);
    const entry = readEntry(
      Uint32Array.of(5, serial, 0, 0, 0, codeLo, codeAndTime, NOW_MS >>> 0, 0, 0),
      0,
      blankEntry(),
    );
    expect(entry).toMatchObject({ serial: 31, code: 0xfedc_dead_001f, claimedAtMs: NOW_MS });
  });
});

describe('entries of one time', () => {
  function entries(timesMs: readonly number[]): Uint32Array {
    const words = new Uint32Array(timesMs.length * ENTRY_WORDS);
    timesMs.forEach((ms, i) => {
      // Codes differ in the half word that lies beside the time.
      writeEntry(words, i * ENTRY_WORDS, 5, i, 1, 0, 0, 9, i, ms >>> 0, Math.floor(ms / 2 ** 32), 0, 0);
    });
    return words;
  }

  test('end where another time begins, whichever of its words differs', () => {
    const timeMs = fc.constantFrom(NOW_MS, NOW_MS + 1, NOW_MS + 2 ** 32);
    fc.assert(
      fc.property(fc.array(timeMs, { minLength: 1, maxLength: 12 }), (timesMs) => {
        const words = entries(timesMs);
        for (let i = 0; i < timesMs.length; i++) {
          let next = i;
          while (next < timesMs.length && timesMs[next] === timesMs[i]) next++;
          expect(sameTime(words, i * ENTRY_WORDS, words.length)).toBe(next * ENTRY_WORDS);
        }
      }),
    );
  });

  test('are not looked for beyond the end', () => {
    expect(sameTime(entries([NOW_MS, NOW_MS, NOW_MS]), 0, 2 * ENTRY_WORDS)).toBe(2 * ENTRY_WORDS);
  });
});
