/** States that are right pass, whatever they are; each kind of single damage is seen, by the check that is for it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { check } from '../../src/audit/checker.ts';
import type { CheckName } from '../../src/audit/report.ts';
import { couponId } from '../../src/domain/coupon-id.ts';
import type { SerialRange } from '../../src/ports.ts';
import { allProblems } from './shop.ts';
import { factsOf, type PlainClaim, rowOf, type World, worlds } from './world.ts';

/** Spoils a world, at a place that `pick` decides; false when this world has no such place. */
type Damage = (world: World, pick: number) => boolean;

function at<T>(list: readonly T[], pick: number): T {
  return list[pick % list.length]!;
}

function replace<T>(list: T[], pick: number, change: (item: T) => T): boolean {
  if (list.length === 0) return false;
  list[pick % list.length] = change(list[pick % list.length]!);
  return true;
}

function drop<T>(list: T[], pick: number): T | null {
  return list.length === 0 ? null : list.splice(pick % list.length, 1)[0]!;
}

/** Every range list of the ledger that is not empty. */
function ranges(world: World, kinds: readonly ('free' | 'bare' | 'leased')[]): SerialRange[][] {
  return world.pools
    .flatMap(({ free, bare, leases }) => [
      ...(kinds.includes('free') ? [free] : []),
      ...(kinds.includes('bare') ? [bare] : []),
      ...(kinds.includes('leased') ? leases.map(({ serials }) => serials) : []),
    ])
    .filter((list) => list.length > 0)
    .map((list) => list as SerialRange[]);
}

const claimsOf = (world: World): PlainClaim[] => [...world.stored, ...world.logged];
const isClaimed = (world: World, templateId: number, serial: number): boolean =>
  claimsOf(world).some((claim) => claim.templateId === templateId && claim.serial === serial);

const damages: Record<string, { seenBy: CheckName; damage: Damage }> = {
  'a unit claimed by two users': {
    seenBy: 'units',
    damage: (world, pick) => {
      const claims = claimsOf(world);
      if (claims.length === 0) return false;
      world.logged.push({ ...at(claims, pick), user: 99 });
      return true;
    },
  },
  'a claim stored twice': {
    seenBy: 'units',
    damage: (world, pick) => world.stored.length > 0 && world.stored.push({ ...at(world.stored, pick) }) > 0,
  },
  'a unit beyond the stock': {
    seenBy: 'units',
    damage: (world, pick) => {
      const { templateId, total } = at(world.templates, pick);
      world.logged.push({ templateId, serial: total, user: 1, activityId: 0, code: 0, time: 0 });
      return true;
    },
  },
  'a claim of a template that is none': {
    seenBy: 'units',
    damage: (world) =>
      world.logged.push({ templateId: 9999, serial: 0, user: 1, activityId: 0, code: 0, time: 0 }) > 0,
  },
  'a claim in an activity that is none': {
    seenBy: 'units',
    damage: (world, pick) => replace(world.stored, pick, (claim) => ({ ...claim, activityId: 77 })),
  },
  'a unit lost by the ledger': {
    seenBy: 'accounting',
    damage: (world, pick) => {
      const lists = world.pools.flatMap(({ ref, free, bare, leases }) =>
        [free, bare, ...leases.map(({ serials }) => serials)].map((list) => ({
          templateId: ref.templateId,
          list,
        })),
      );
      const unsold = lists.filter(({ templateId, list }) =>
        list.some(({ from }) => !isClaimed(world, templateId, from)),
      );
      if (unsold.length === 0) return false;
      const { templateId, list } = at(unsold, pick);
      const i = list.findIndex(({ from }) => !isClaimed(world, templateId, from));
      (list as SerialRange[]).splice(i, 1);
      return true;
    },
  },
  'a unit free and leased': {
    seenBy: 'accounting',
    damage: (world, pick) => {
      const lists = ranges(world, ['free', 'bare', 'leased']);
      if (lists.length === 0) return false;
      const list = at(lists, pick);
      const pool = world.pools.find(
        ({ free, bare, leases }) =>
          free === list || bare === list || leases.some(({ serials }) => serials === list),
      )!;
      (pool.leases[0]!.serials as SerialRange[]).push(list[0]!);
      return true;
    },
  },
  'a claimed unit that is free': {
    seenBy: 'accounting',
    damage: (world, pick) => {
      const claims = claimsOf(world);
      if (claims.length === 0) return false;
      const { templateId, serial } = at(claims, pick);
      const pool = world.pools.find(({ ref }) => ref.templateId === templateId)!;
      (pool.free as SerialRange[]).push({ from: serial, to: serial + 1 });
      return true;
    },
  },
  'a claim that was lost': {
    seenBy: 'accounting',
    damage: (world, pick) => {
      // Reported as sold, in no store: only the sum can tell.
      const held = world.pools.flatMap(({ ref, leases }) =>
        leases.flatMap(({ serials }) => serials.map(({ from }) => couponId(ref.templateId, from))),
      );
      const reported = claimsOf(world).filter(
        ({ templateId, serial }) => !held.includes(couponId(templateId, serial)),
      );
      if (reported.length === 0) return false;
      const lost = at(reported, pick);
      const others = (claim: PlainClaim): boolean =>
        claim.templateId !== lost.templateId || claim.serial !== lost.serial;
      world.stored = world.stored.filter(others);
      world.logged = world.logged.filter(others);
      return true;
    },
  },
  'a user over the limit': {
    seenBy: 'limits',
    damage: (world, pick) => {
      const { templateId, perUserLimit } = at(world.templates, pick);
      const serials = [
        ...new Set(
          claimsOf(world)
            .filter((c) => c.templateId === templateId)
            .map((c) => c.serial),
        ),
      ];
      if (serials.length <= perUserLimit) return false;
      for (const claim of claimsOf(world)) if (claim.templateId === templateId) claim.user = 5;
      return true;
    },
  },
  "a user over an activity's limit": {
    seenBy: 'limits',
    damage: (world, pick) => {
      const { activityId } = at(world.activities, pick);
      if (!claimsOf(world).some((claim) => claim.activityId === activityId)) return false;
      world.activities = world.activities.map((a) =>
        a.activityId === activityId ? { ...a, perUserLimit: 0 } : a,
      );
      return true;
    },
  },
  'an activity over its stock': {
    seenBy: 'activities',
    damage: (world, pick) => {
      const { activityId, stock } = at(world.activities, pick);
      world.activities = world.activities.map((a) =>
        a.activityId === activityId ? { ...a, stock: stock - 1 } : a,
      );
      return stock > 0;
    },
  },
  'a row that is gone': { seenBy: 'rows', damage: (world, pick) => drop(world.rows, pick) !== null },
  'a row with its claim only in the log': {
    seenBy: 'rows',
    damage: (world, pick) => {
      const only = world.logged.filter(
        ({ templateId, serial }) => !world.rows.some((row) => row.couponId === couponId(templateId, serial)),
      );
      return only.length > 0 && world.rows.push(rowOf(at(only, pick))) > 0;
    },
  },
  'a row twice': {
    seenBy: 'rows',
    damage: (world, pick) => world.rows.length > 0 && world.rows.push(at(world.rows, pick)) > 0,
  },
  'a row without a claim': {
    seenBy: 'rows',
    damage: (world, pick) => replace(world.rows, pick, (row) => ({ ...row, couponId: row.couponId + 500 })),
  },
  'an edited user': {
    seenBy: 'rows',
    damage: (world, pick) => replace(world.rows, pick, (row) => ({ ...row, userId: '12' })),
  },
  'an edited template': {
    seenBy: 'rows',
    damage: (world, pick) => replace(world.rows, pick, (row) => ({ ...row, templateId: row.templateId + 1 })),
  },
  'an edited activity': {
    seenBy: 'rows',
    damage: (world, pick) => replace(world.rows, pick, (row) => ({ ...row, activityId: row.activityId + 1 })),
  },
  'an edited time': {
    seenBy: 'rows',
    damage: (world, pick) =>
      replace(world.rows, pick, (row) => ({ ...row, claimedAtMs: row.claimedAtMs + 1 })),
  },
  'an edited validity': {
    seenBy: 'rows',
    damage: (world, pick) => replace(world.rows, pick, (row) => ({ ...row, validUntilMs: 0 })),
  },
  'an edited state': {
    seenBy: 'states',
    damage: (world, pick) => replace(world.rows, pick, (row) => ({ ...row, state: 2 })),
  },
  'an edited code': {
    seenBy: 'codes',
    damage: (world, pick) => replace(world.rows, pick, (row) => ({ ...row, code: 'WRONG' })),
  },
  "a claim with another's code": {
    seenBy: 'codes',
    damage: (world, pick) => {
      const stored = new Set(world.stored.map(({ templateId, serial }) => couponId(templateId, serial)));
      const claims = [
        ...world.stored,
        ...world.logged.filter(({ templateId, serial }) => !stored.has(couponId(templateId, serial))),
      ];
      if (claims.length > 0) at(claims, pick).code++;
      return claims.length > 0;
    },
  },
  'a stored claim that is not as it was logged': {
    seenBy: 'watermarks',
    damage: (world, pick) => replace(world.flushed, pick, (claim) => ({ ...claim, time: claim.time + 1 })),
  },
  'a flushed claim that is not stored': {
    seenBy: 'watermarks',
    damage: (world, pick) => drop(world.stored, pick) !== null,
  },
  'a watermark beyond the end': {
    seenBy: 'watermarks',
    damage: (world, pick) => replace(world.logs, pick, (log) => ({ ...log, watermark: 520 })),
  },
  'a watermark before the first segment': {
    seenBy: 'watermarks',
    damage: (world, pick) => replace(world.logs, pick, (log) => ({ ...log, first: 440 })),
  },
  'a damaged log': {
    seenBy: 'watermarks',
    damage: (world, pick) => replace(world.logs, pick, (log) => ({ ...log, damage: 'torn' })),
  },
};

test('what is right passes', () => {
  fc.assert(
    fc.property(worlds, (world) => {
      expect(allProblems(check(factsOf(world)))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test.each(Object.entries(damages))('%s is seen', (_name, { seenBy, damage }) => {
  fc.assert(
    fc.property(worlds, fc.nat(1000), (world, pick) => {
      fc.pre(damage(world, pick));
      const report = check(factsOf(world));
      expect(report.ok).toBe(false);
      expect(report.checks.filter(({ ok }) => !ok).map(({ name }) => name)).toContain(seenBy);
    }),
    { numRuns: 60 },
  );
});

test('problems are told up to a bound and counted beyond it', () => {
  const claim = { templateId: 1, serial: 0, user: 1, activityId: 0, code: 1000, time: 0 };
  const logged = Array.from({ length: 250 }, (_, i) => ({ ...claim, serial: i }));
  const world: World = {
    templates: [{ templateId: 1, total: 10, perUserLimit: 1 }],
    activities: [],
    stored: [],
    logged,
    flushed: [],
    rows: [],
    pools: [],
    logs: [],
  };
  const [units] = check(factsOf(world)).checks;
  expect(units).toMatchObject({ name: 'units', ok: false, problemCount: 240 });
  expect(units!.problems).toHaveLength(100);
});
