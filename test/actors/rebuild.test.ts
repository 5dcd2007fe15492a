/** What an owner knows after a rebuild is what the entries say, however they overlap; contradictions stop it. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Owner } from '../../src/actors/owner.ts';
import { partitionOf } from '../../src/actors/placement.ts';
import { Rebuild, UnitSoldTwice } from '../../src/actors/rebuild.ts';
import { TemplateActor } from '../../src/actors/template-actor.ts';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { UserTable } from '../../src/actors/user-table.ts';
import { ENTRY_WORDS, writeEntry } from '../../src/claimlog/entry.ts';
import { poolRules, TEMPLATE, templateRules } from './rules.ts';

const ACTIVITY = 31;
const TIME_MS = 1_790_000_000_000;

interface Claim {
  readonly serial: number;
  readonly user: number;
  readonly activityId?: number;
  readonly templateId?: number;
}

function wordsOf(claims: readonly Claim[]): Uint32Array {
  const words = new Uint32Array(claims.length * ENTRY_WORDS);
  claims.forEach(({ serial, user, activityId = 0, templateId = TEMPLATE }, i) => {
    const timeMs = TIME_MS + serial;
    const [timeLo, timeHi] = [timeMs >>> 0, Math.floor(timeMs / 2 ** 32)];
    writeEntry(
      words,
      i * ENTRY_WORDS,
      templateId,
      serial,
      user,
      3,
      activityId,
      serial + 9,
      2,
      timeLo,
      timeHi,
      user,
      1,
    );
  });
  return words;
}

class Shop {
  readonly units = new UnitTable([]);
  readonly owner: Owner;
  readonly rebuild: Rebuild;

  constructor(partitions = 1, placed: readonly number[] = [0], unitsStartBlank = true, units?: UnitTable) {
    if (units !== undefined) this.units = units;
    this.units.grow(200);
    this.owner = new Owner(0, {
      append: () => 0,
      durable: () => 0,
      appended: () => {},
      reply: () => {},
      askLease: () => {},
      giveBack: () => {},
    });
    const pools = [poolRules({ perUserLimit: 9 }), poolRules({ activityId: ACTIVITY, perUserLimit: 9 })];
    for (const partition of placed) {
      const rules = templateRules({ perUserLimit: 9, pools, partitions });
      this.owner.add(new TemplateActor(rules, partition, UserTable.create(200), this.units));
    }
    this.rebuild = new Rebuild(this.owner, unitsStartBlank);
  }

  add(...claims: Claim[]): this {
    this.rebuild.add(wordsOf(claims), 0, claims.length);
    return this;
  }

  /** A user's units, newest first. */
  chain(user: number, partition = 0): number[] {
    const serials: number[] = [];
    const { users } = this.owner.actor(TEMPLATE, partition)!;
    for (let s = users.newest(user, 3); s >= 0; s = this.units.previous(s)) serials.push(s);
    return serials;
  }

  claimed(activityId = 0, partition = 0): number {
    return this.owner.actor(TEMPLATE, partition)!.pools.get(activityId)!.claimed[0];
  }
}

describe('a rebuild', () => {
  test('takes in all that an entry says', () => {
    const shop = new Shop().add({ serial: 70, user: 8, activityId: ACTIVITY });
    expect(shop.chain(8)).toEqual([70]);
    expect(shop.units.claimedAtMs(70)).toBe(TIME_MS + 70);
    expect(shop.units.code(70)).toBe(2 * 2 ** 32 + 79);
    expect(shop.units.activityId(70)).toBe(ACTIVITY);
    expect(shop.units.hasKey(70, 8, 1)).toBe(true);
    expect([shop.claimed(), shop.claimed(ACTIVITY)]).toEqual([0, 1]);
  });

  test('links the coupons of a user in the order of the entries', () => {
    const shop = new Shop().add({ serial: 4, user: 1 }, { serial: 2, user: 2 }, { serial: 1, user: 1 });
    expect([shop.chain(1), shop.chain(2)]).toEqual([[1, 4], [2]]);
  });

  test('of blocks and logs that overlap in any way is the rebuild of each entry once', () => {
    const claims = fc.uniqueArray(fc.record({ serial: fc.nat(99), user: fc.nat(12) }), {
      selector: ({ serial }) => serial,
      maxLength: 60,
      size: 'max',
    });
    const cuts = fc.array(fc.tuple(fc.nat(60), fc.nat(60)), { maxLength: 4 });
    fc.assert(
      fc.property(claims, cuts, (entries, runs) => {
        const once = new Shop().add(...entries);
        const overlapping = new Shop().add(...entries);
        for (const [from, count] of runs) overlapping.add(...entries.slice(from, from + count));
        for (let user = 0; user <= 12; user++) expect(overlapping.chain(user)).toEqual(once.chain(user));
        expect(overlapping.claimed()).toBe(entries.length);
        expect(overlapping.rebuild.claims).toBe(entries.length);
      }),
      { numRuns: 150 },
    );
  });

  test('counts per template only what it holds', () => {
    const shop = new Shop().add(
      { serial: 1, user: 1 },
      { serial: 2, user: 1 },
      { serial: 1, user: 1, templateId: 6 },
    );
    expect([...shop.rebuild.claimsByTemplate()]).toEqual([[TEMPLATE, 2]]);
    expect(shop.rebuild.claims).toBe(2);
  });

  test('takes only the users of its own partitions', () => {
    const shop = new Shop(4, [1, 3]);
    const users = Array.from({ length: 100 }, (_, i) => i + 1);
    shop.add(...users.map((user) => ({ serial: user, user })));
    for (const user of users) {
      const partition = partitionOf(user, 3, 4);
      if (partition === 1 || partition === 3) expect(shop.chain(user, partition)).toEqual([user]);
      else expect(shop.units.isClaimed(user)).toBe(false);
    }
  });

  test('after a first life finds units published already', () => {
    const units = new UnitTable([]);
    new Shop(1, [0], true, units).add({ serial: 1, user: 1 }, { serial: 2, user: 1 });
    const again = new Shop(1, [0], false, units).add({ serial: 1, user: 1 }, { serial: 2, user: 1 });
    expect(again.chain(1)).toEqual([2, 1]);
    expect(again.claimed()).toBe(2);
  });
});

describe('a rebuild after a first life', () => {
  test('leaves the links that readers follow alone, in whatever order the entries come', () => {
    const units = new UnitTable([]);
    const chain = [5, 2, 9, 1];
    new Shop(1, [0], true, units).add(...[...chain].reverse().map((serial) => ({ serial, user: 1 })));
    const orders = fc.shuffledSubarray(chain, { minLength: chain.length });
    fc.assert(
      fc.property(orders, (order) => {
        const again = new Shop(1, [0], false, units);
        for (const serial of order) {
          again.add({ serial, user: 1 });
          // The oldest coupon is found from the first entry on: nothing was cut off on the way.
          expect(again.chain(1).at(-1)).toBe(1);
        }
        expect(again.chain(1)).toEqual(chain);
        expect(again.claimed()).toBe(chain.length);
      }),
    );
  });
});

describe('a rebuild stops', () => {
  test('when two users have one unit', () => {
    const shop = new Shop().add({ serial: 7, user: 1 });
    expect(() => shop.add({ serial: 7, user: 2 })).toThrow(UnitSoldTwice);
    expect(() => shop.add({ serial: 7, user: 2 })).toThrow(`template ${TEMPLATE}, serial 7`);
  });

  test('at the start of a process, when another owner has the unit', () => {
    const units = new UnitTable([]);
    units.grow(200);
    units.publish(7, TIME_MS);
    expect(() => new Shop(1, [0], true, units).add({ serial: 7, user: 1 })).toThrow(UnitSoldTwice);
  });

  test('when a unit or an activity does not exist', () => {
    expect(() => new Shop().add({ serial: 448, user: 1 })).toThrow('no serial 448');
    expect(() => new Shop().add({ serial: 4, user: 1, activityId: 77 })).toThrow('no activity 77');
  });
});
