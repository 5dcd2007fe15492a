/** What the audit says of coupons after their claims: nothing as the store left them, and each thing a hand may do. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import {
  EVENTS,
  type LifeTable,
  orderOf,
  pagesOf,
  REDEMPTIONS,
  RETURNS,
  USAGES,
} from '../../src/audit/life-tables.ts';
import { liveAudit } from '../../src/audit/live-audit.ts';
import { offlineAudit } from '../../src/audit/offline-audit.ts';
import { openStoreFacts, type StorePlace } from '../../src/audit/open-store.ts';
import type { Report } from '../../src/audit/report.ts';
import { ENTRY_BYTES } from '../../src/claimlog/entry.ts';
import { EVENT_KINDS } from '../../src/coupons/states.ts';
import type { CouponEventKind } from '../../src/ports-coupons.ts';
import type { Cell } from '../../src/records/redemptions/steps.ts';
import { LOG_POSITION_BYTES, LogPosition } from '../../src/rings/layout.ts';
import { audit as liveTask } from '../../src/workers/audit-entry.ts';
import { coupon, type Life, type Lives, type LivingStore, livedShop, stacked, stale } from './lives.ts';
import { allProblems, CODE_KEY } from './shop.ts';

export interface Hand {
  /** Undefined: the shop's own, in its directory. */
  readonly store?: LivingStore;
  readonly place: (shop: Lives['shop']) => StorePlace;
  /** → rows changed. */
  readonly run: (shop: Lives['shop'], sql: string) => Promise<number>;
  /** Rows as arrays. */
  readonly rows: (shop: Lives['shop'], sql: string, values: readonly string[]) => Promise<Cell[][]>;
  readonly dispose: () => Promise<void>;
}

const TABLES = ['coupons', 'redemptions', 'usages', 'returns', 'coupon_events'];

type Ids = Readonly<Record<Life, number>>;
interface Tampering {
  readonly sql: (ids: Ids) => string | string[];
  readonly says: (ids: Ids) => (string | RegExp)[];
}

const kind = (name: CouponEventKind): number => EVENT_KINDS.indexOf(name);
const one = (id: number): string =>
  `coupon ${id} (template ${Math.floor(id / 2 ** 32)}, serial ${id % 2 ** 32})`;
const event = (id: number, sequence: number): string => `coupon_id = ${id} AND sequence = ${sequence}`;
const EVENT = 'INSERT INTO coupon_events (coupon_id, sequence, kind, at, redemption_id, detail)';
const USAGE_REST = 'user_id, template_id, order_id, original, discount, final, used_at, reverted_at';

const TAMPERINGS: Readonly<Record<string, Tampering>> = {
  'a usable coupon made used': {
    sql: () => `UPDATE coupons SET state = 2 WHERE id = ${coupon(19)}`,
    says: () => [`states: ${one(coupon(19))}: state is used, by its events usable`],
  },
  'a used coupon made usable': {
    sql: () => `UPDATE coupons SET state = 0 WHERE id = ${coupon(1)}`,
    says: () => [`states: ${one(coupon(1))}: state is usable, by its events used`],
  },
  'a state that is none': {
    sql: () => `UPDATE coupons SET state = 9 WHERE id = ${stale(1)}`,
    says: () => [`states: ${one(stale(1))}: state is 9, which is none, by its events expired`],
  },
  'a sequence': {
    sql: () => `UPDATE coupons SET sequence = 7 WHERE id = ${coupon(1)}`,
    says: () => [`states: ${one(coupon(1))}: sequence is 7, its last event is 3`],
  },
  'a sequence without events': {
    sql: () => `UPDATE coupons SET sequence = 2 WHERE id = ${coupon(19)}`,
    says: () => [`states: ${one(coupon(19))}: sequence is 2, its last event is the claim, 1`],
  },
  'the redemption of a coupon': {
    sql: () => `UPDATE coupons SET redemption_id = 99 WHERE id = ${coupon(2)}`,
    says: ({ released }) => [`states: ${one(coupon(2))}: redemption is 99, by its events ${released}`],
  },
  'a whole row as if never touched': {
    sql: () => `UPDATE coupons SET state = 0, sequence = 1, redemption_id = 0 WHERE id = ${coupon(1)}`,
    says: ({ used }) => [
      `states: ${one(coupon(1))}: sequence is 1, its last event is 3; state is usable, by its events used; redemption is 0, by its events ${used}`,
    ],
  },
  'a last event that is dropped': {
    sql: () => `DELETE FROM coupon_events WHERE ${event(coupon(1), 3)}`,
    says: ({ used }) => [
      `states: ${one(coupon(1))}: sequence is 3, its last event is 2; state is used, by its events locked`,
      `redemptions: redemption ${used} is used, the last event of its coupon ${coupon(1)} is locked`,
    ],
  },
  'a first event that is dropped': {
    sql: () => `DELETE FROM coupon_events WHERE ${event(coupon(1), 2)}`,
    says: () => [`states: ${one(coupon(1))}: event 2 is missing`],
  },
  'all events of a used coupon and its row with them': {
    sql: () => [
      `DELETE FROM coupon_events WHERE coupon_id = ${coupon(1)}`,
      `UPDATE coupons SET state = 0, sequence = 1, redemption_id = 0 WHERE id = ${coupon(1)}`,
    ],
    says: ({ used }) => [
      `redemptions: redemption ${used} names coupon ${coupon(1)}, which has no event of being locked by it`,
    ],
  },
  'an event that is doubled': {
    sql: () =>
      `${EVENT} SELECT coupon_id, 4, kind, at, redemption_id, detail FROM coupon_events WHERE ${event(coupon(1), 3)}`,
    says: () => [
      `states: ${one(coupon(1))}: event 4, used, cannot be: it was used then; sequence is 3, its last event is 4`,
    ],
  },
  'an event of a coupon that had none': {
    sql: () => `${EVENT} VALUES (${coupon(19)}, 2, ${kind('voided')}, 5, NULL, NULL)`,
    says: () => [
      `states: ${one(coupon(19))}: sequence is 1, its last event is 2; state is usable, by its events voided`,
    ],
  },
  'an event of a coupon that is not there': {
    sql: () => `${EVENT} VALUES (${coupon(99)}, 2, ${kind('voided')}, 5, NULL, NULL)`,
    says: () => [`states: ${one(coupon(99))}: has events and no row`],
  },
  'an event after all coupons': {
    sql: () => `${EVENT} VALUES (${stale(99)}, 1, ${kind('voided')}, 5, NULL, NULL)`,
    says: () => [
      `states: ${one(stale(99))}: has events and no row; has an event numbered 1, events begin at 2`,
    ],
  },
  'the kind of an event': {
    sql: () => `UPDATE coupon_events SET kind = ${kind('released')} WHERE ${event(coupon(1), 3)}`,
    says: ({ used }) => [
      `states: ${one(coupon(1))}: event 3, released, is not of the time redemption ${used} has for it; state is used, by its events usable`,
      `redemptions: redemption ${used} is used, the last event of its coupon ${coupon(1)} is released`,
    ],
  },
  'a kind that is none': {
    sql: () => `UPDATE coupon_events SET kind = 0 WHERE ${event(coupon(15), 2)}`,
    says: () => [`states: ${one(coupon(15))}: event 2 is of kind 0, which is none`],
  },
  'the redemption of an event': {
    sql: ({ locked }) => `UPDATE coupon_events SET redemption_id = ${locked} WHERE ${event(coupon(1), 3)}`,
    says: ({ used, locked }) => [
      new RegExp(`^states: .* event 3, used, is of redemption ${locked}, it was locked by ${used}`),
      `redemptions: redemption ${used} is used, the last event of its coupon ${coupon(1)} is locked`,
    ],
  },
  'an event without its redemption': {
    sql: () => `UPDATE coupon_events SET redemption_id = NULL WHERE ${event(coupon(2), 3)}`,
    says: ({ released }) => [
      `states: ${one(coupon(2))}: event 3, released, is of no redemption`,
      `redemptions: redemption ${released} is released, the last event of its coupon ${coupon(2)} is locked`,
    ],
  },
  'the times of events': {
    sql: () => [
      `UPDATE coupon_events SET at = at + 1 WHERE ${event(coupon(0), 2)}`,
      `UPDATE coupon_events SET at = at + 1 WHERE ${event(coupon(1), 3)}`,
      `UPDATE coupon_events SET at = at + 1 WHERE ${event(coupon(3), 4)}`,
      `UPDATE coupon_events SET at = at + 1 WHERE ${event(coupon(7), 3)}`,
      `UPDATE coupon_events SET at = 1 WHERE ${event(stale(3), 2)}`,
    ],
    says: ({ locked, used, reverted, lapsed }) => [
      `states: ${one(coupon(0))}: event 2, locked, is not of the time redemption ${locked} has for it`,
      `states: ${one(coupon(1))}: event 3, used, is not of the time redemption ${used} has for it`,
      `states: ${one(coupon(3))}: event 4, reverted, is not of the time redemption ${reverted} has for it`,
      `states: ${one(coupon(7))}: event 3, released, is not of the time redemption ${lapsed} has for it`,
      `states: ${one(stale(3))}: event 2, expired, is of a time at which it was valid`,
    ],
  },
  'a lock and its row that no redemption knows': {
    sql: ({ used }) => [
      `${EVENT} VALUES (${coupon(19)}, 2, ${kind('locked')}, 5, ${used}, NULL)`,
      `UPDATE coupons SET state = 1, sequence = 2, redemption_id = ${used} WHERE id = ${coupon(19)}`,
      `${EVENT} VALUES (${coupon(18)}, 2, ${kind('locked')}, 5, 999, NULL)`,
      `UPDATE coupons SET state = 1, sequence = 2, redemption_id = 999 WHERE id = ${coupon(18)}`,
    ],
    says: ({ used }) => [
      `redemptions: redemption 999 is not there: coupon ${coupon(18)} was locked by it (event 2)`,
      `redemptions: redemption ${used} does not name coupon ${coupon(19)}, which was locked by it (event 2)`,
    ],
  },

  'the state of a redemption': {
    sql: ({ used }) => `UPDATE redemptions SET state = 0, used_at = NULL WHERE id = ${used}`,
    says: ({ used }) => [
      `redemptions: redemption ${used} is locked, the last event of its coupon ${coupon(1)} is used`,
      `redemptions: redemption ${used} is locked, the last event of its coupon ${stacked(1)} is used`,
      `usages: coupon ${coupon(1)}: a usage by redemption ${used}, which is locked and was never used`,
      `usages: coupon ${stacked(1)}: a usage by redemption ${used}, which is locked and was never used`,
      /^states: .*event 3, used, is not of the time/,
      /^states: .*event 3, used, is not of the time/,
    ],
  },
  'a redemption state that is none': {
    sql: ({ locked }) => `UPDATE redemptions SET state = 17 WHERE id = ${locked}`,
    says: ({ locked }) => [
      `redemptions: redemption ${locked}: is in state 17, which is none`,
      `redemptions: redemption ${locked} does not name coupon ${coupon(0)}, which was locked by it (event 2)`,
      `redemptions: redemption ${locked} does not name coupon ${stacked(0)}, which was locked by it (event 2)`,
    ],
  },
  'a redemption that is dropped': {
    sql: ({ usedAgain }) => `DELETE FROM redemptions WHERE id = ${usedAgain}`,
    says: ({ usedAgain }) => [
      `redemptions: redemption ${usedAgain} is not there: coupon ${coupon(5)} was locked by it (event 6)`,
      `usages: coupon ${coupon(5)}: a usage by redemption ${usedAgain}, which is not there`,
    ],
  },
  'a redemption that is doubled: two have one coupon': {
    sql: ({ locked }) =>
      `INSERT INTO redemptions (user_id, order_id, live_order, state, locked_at, locked_until, is_verified, is_of_service, frozen, returned, fingerprint)
       SELECT user_id, 'copy', 'copy', state, locked_at, locked_until, is_verified, is_of_service, frozen, returned, fingerprint FROM redemptions WHERE id = ${locked}`,
    says: () => [
      new RegExp(`^redemptions: redemption \\d+ names coupon ${coupon(0)}, which has no event`),
      new RegExp(`^redemptions: redemption \\d+ names coupon ${stacked(0)}, which has no event`),
    ],
  },
  'live orders': {
    sql: ({ locked, released }) => [
      `UPDATE redemptions SET live_order = NULL WHERE id = ${locked}`,
      `UPDATE redemptions SET live_order = order_id WHERE id = ${released}`,
    ],
    says: ({ locked, released }) => [
      `redemptions: redemption ${locked}: is locked of order locked, its live order is none`,
      `redemptions: redemption ${released}: is released of order released, its live order is released`,
    ],
  },
  'the user of a redemption': {
    sql: ({ released }) => `UPDATE redemptions SET user_id = user_id + 1 WHERE id = ${released}`,
    says: ({ released }) => [
      new RegExp(`^redemptions: redemption ${released} is of another user than its coupon ${coupon(2)}`),
    ],
  },
  'times of redemptions': {
    sql: ({ locked, released }) => [
      `UPDATE redemptions SET ended_at = 5, locked_until = 1 WHERE id = ${locked}`,
      `UPDATE redemptions SET ended_at = NULL WHERE id = ${released}`,
    ],
    says: ({ locked, released }) => [
      `redemptions: redemption ${locked}: ends before it begins; is locked, and has a time of its end`,
      `redemptions: redemption ${released}: is released, and has no time of its end`,
    ],
  },
  'the quote that was frozen': {
    sql: ({ used }) =>
      `UPDATE redemptions SET frozen = REPLACE(frozen, '"payable":11299,', '"payable":11298,') WHERE id = ${used}`,
    says: ({ used }) => [
      `redemptions: redemption ${used}: payable is not original less discount and shippingDiscount`,
      new RegExp(`^usages: coupon ${coupon(1)}: its usage by redemption ${used} is edited: final$`),
      new RegExp(`^usages: coupon ${stacked(1)}: its usage by redemption ${used} is edited: final$`),
    ],
  },
  'prices of units that were frozen': {
    sql: ({ locked }) =>
      `UPDATE redemptions SET frozen = REPLACE(frozen, '"price":5000,', '"price":4000,') WHERE id = ${locked}`,
    says: ({ locked }) => [
      new RegExp(`^redemptions: redemption ${locked}: original is not the lines and the shipping fee`),
    ],
  },
  'a coupon that was frozen': {
    sql: ({ locked }) =>
      `UPDATE redemptions SET frozen = REPLACE(frozen, '"couponId":${coupon(0)},', '"couponId":${coupon(18)},') WHERE id = ${locked}`,
    says: ({ locked }) => [
      `redemptions: redemption ${locked} does not name coupon ${coupon(0)}, which was locked by it (event 2)`,
      `redemptions: redemption ${locked} names coupon ${coupon(18)}, which has no event of being locked by it`,
    ],
  },
  'frozen made unreadable': {
    sql: ({ released }) => `UPDATE redemptions SET frozen = '{"order":' WHERE id = ${released}`,
    says: ({ released }) => [
      `redemptions: redemption ${released}: frozen is not what a lock freezes`,
      `redemptions: redemption ${released} does not name coupon ${coupon(2)}, which was locked by it (event 2)`,
    ],
  },

  'a usage that is dropped': {
    sql: ({ used }) => `DELETE FROM usages WHERE redemption_id = ${used} AND coupon_id = ${coupon(1)}`,
    says: ({ used }) => [`usages: coupon ${coupon(1)}: its usage by redemption ${used} is missing`],
  },
  'usages that are doubled': {
    sql: ({ used, locked }) => [
      `INSERT INTO usages (redemption_id, coupon_id, ${USAGE_REST}) SELECT redemption_id, ${coupon(18)}, ${USAGE_REST} FROM usages WHERE redemption_id = ${used} AND coupon_id = ${coupon(1)}`,
      `INSERT INTO usages (redemption_id, coupon_id, ${USAGE_REST}) SELECT ${locked}, coupon_id, ${USAGE_REST} FROM usages WHERE redemption_id = ${used} AND coupon_id = ${coupon(1)}`,
      `INSERT INTO usages (redemption_id, coupon_id, ${USAGE_REST}) SELECT 999, coupon_id, ${USAGE_REST} FROM usages WHERE redemption_id = ${used} AND coupon_id = ${coupon(1)}`,
    ],
    says: ({ used, locked }) => [
      `usages: coupon ${coupon(18)}: a usage by redemption ${used}, which does not name it or has one already`,
      `usages: coupon ${coupon(1)}: a usage by redemption ${locked}, which is locked and was never used`,
      `usages: coupon ${coupon(1)}: a usage by redemption 999, which is not there`,
    ],
  },
  'every field of a usage': {
    sql: ({ used }) =>
      `UPDATE usages SET user_id = user_id + 1, template_id = 9, order_id = 'x', original = 1, discount = 1, final = 1, used_at = 1, reverted_at = 1
       WHERE redemption_id = ${used} AND coupon_id = ${coupon(1)}`,
    says: ({ used }) => [
      `usages: coupon ${coupon(1)}: its usage by redemption ${used} is edited: user, template, order, original, discount, final, usedAt, revertedAt`,
    ],
  },
  'a revert that a usage does not tell': {
    sql: ({ reverted, restored }) =>
      `UPDATE usages SET reverted_at = NULL WHERE redemption_id IN (${reverted}, ${restored})`,
    says: ({ reverted, restored }) => [
      `usages: coupon ${coupon(3)}: its usage by redemption ${reverted} is edited: revertedAt`,
      `usages: coupon ${coupon(5)}: its usage by redemption ${restored} is edited: revertedAt`,
    ],
  },

  'a return that is dropped': {
    sql: ({ returned }) => `DELETE FROM returns WHERE redemption_id = ${returned} AND return_id = 'b'`,
    says: ({ returned }) => [
      new RegExp(
        `^returns: redemption ${returned}: \\d+ is refunded, its returns come to \\d+; units worth \\d+ are back`,
      ),
      `returns: redemption ${returned}: 1 returns are kept, coupon ${coupon(4)} has 2 events of such`,
      `returns: redemption ${returned}: 1 returns are kept, coupon ${stacked(4)} has 2 events of such`,
    ],
  },
  'a return that is doubled': {
    sql: ({ returned }) => [
      `INSERT INTO returns (redemption_id, return_id, fingerprint, receipt, returned_at) SELECT redemption_id, 'c', fingerprint, receipt, returned_at FROM returns WHERE redemption_id = ${returned} AND return_id = 'b'`,
      `INSERT INTO returns (redemption_id, return_id, fingerprint, receipt, returned_at) SELECT 999, 'c', fingerprint, receipt, returned_at FROM returns WHERE redemption_id = ${returned} AND return_id = 'b'`,
    ],
    says: ({ returned }) => [
      new RegExp(`^returns: redemption ${returned}: \\d+ is refunded, its returns come to \\d+$`),
      `returns: redemption ${returned}: 3 returns are kept, coupon ${coupon(4)} has 2 events of such`,
      `returns: redemption ${returned}: 3 returns are kept, coupon ${stacked(4)} has 2 events of such`,
      'returns: return c is of redemption 999, which is not there',
    ],
  },
  'the name of a return': {
    sql: ({ returned }) =>
      `UPDATE returns SET return_id = 'z' WHERE redemption_id = ${returned} AND return_id = 'b'`,
    says: ({ returned }) => [
      `returns: redemption ${returned}: the returns kept are not those of coupon ${coupon(4)}'s events, by name or time`,
      `returns: redemption ${returned}: the returns kept are not those of coupon ${stacked(4)}'s events, by name or time`,
    ],
  },
  'what was refunded': {
    sql: ({ returned }) =>
      `UPDATE redemptions SET returned = REPLACE(returned, '"refunded":', '"refunded":9') WHERE id = ${returned}`,
    says: ({ returned }) => [
      new RegExp(
        `^returns: redemption ${returned}: 9\\d+ is refunded, its returns come to \\d+; 9\\d+ is refunded, \\d+ was paid$`,
      ),
    ],
  },
  'a receipt': {
    sql: ({ returned }) =>
      `UPDATE returns SET receipt = REPLACE(receipt, '"refund":', '"refund":1') WHERE redemption_id = ${returned} AND return_id = 'b'`,
    says: ({ returned }) => [
      new RegExp(`^returns: redemption ${returned}: \\d+ is refunded, its returns come to \\d+$`),
    ],
  },
  'units that came back': {
    sql: ({ returned, restored }) => [
      `UPDATE redemptions SET returned = REPLACE(returned, '[1,2]', '[1,1]') WHERE id = ${returned}`,
      `UPDATE redemptions SET returned = REPLACE(returned, '[2,3]', '[2,4]') WHERE id = ${restored}`,
    ],
    says: ({ returned, restored }) => [
      new RegExp(`^returns: redemption ${returned}: units worth \\d+ are back, by its returns \\d+$`),
      `returns: redemption ${restored}: the units that came back are not among those bought`,
    ],
  },
};

function isSaid(wanted: string | RegExp, problem: string): boolean {
  return typeof wanted === 'string' ? wanted === problem : wanted.test(problem);
}

export function livesContract(make: () => Promise<Hand>): void {
  let hand: Hand;
  let lives: Lives;
  let isSpoilt = false;
  const run = (sql: string) => hand.run(lives.shop, sql);

  beforeAll(async () => {
    hand = await make();
    lives = await livedShop(hand.store);
    for (const table of TABLES) await run(`CREATE TABLE kept_${table} AS SELECT * FROM ${table}`);
  });
  afterEach(async () => {
    if (!isSpoilt) return;
    for (const table of TABLES) {
      await run(`DELETE FROM ${table}`);
      await run(`INSERT INTO ${table} SELECT * FROM kept_${table}`);
    }
    isSpoilt = false;
  });
  afterAll(async () => {
    await lives.shop.close();
    await hand.dispose();
  });

  const mysqlUrl = (): string | null => {
    const place = hand.place(lives.shop);
    return 'mysqlUrl' in place ? place.mysqlUrl : null;
  };
  const audit = () => offlineAudit(lives.shop.dataDir, CODE_KEY, mysqlUrl());
  const live = (): Promise<Report> => {
    const positions = new SharedArrayBuffer(LOG_POSITION_BYTES);
    Atomics.store(new Int32Array(positions), LogPosition.synced, lives.shop.log.synced / ENTRY_BYTES);
    return liveAudit({
      ...hand.place(lives.shop),
      logRoot: lives.shop.root,
      codeKey: CODE_KEY,
      liveLogs: () => [{ logId: 1, positions }],
      snapshot: () => ({ ...lives.shop, pools: lives.pools }),
      run: liveTask,
    })();
  };
  const spoil = async (sql: string): Promise<void> => {
    isSpoilt = true;
    expect(await run(sql), sql).toBeGreaterThan(0);
  };

  const readPaged = async (table: LifeTable<unknown>, pageRows: number): Promise<unknown[]> => {
    const paged = { ...table, pageRows };
    const { columns, name } = paged;
    const pages = pagesOf(paged, (where, values) =>
      hand.rows(lives.shop, `SELECT ${columns.join(', ')} FROM ${name} ${where} ${orderOf(paged)}`, values),
    );
    const all: unknown[] = [];
    for await (const page of pages) all.push(...page);
    return all;
  };

  test('coupons as the store left them are right, stopped and running', async () => {
    const report = await audit();
    expect(allProblems(report)).toEqual([]);
    const checked = Object.fromEntries(report.checks.map(({ name, checked }) => [name, checked]));
    expect(checked).toMatchObject({ redemptions: 15, usages: 9, returns: 4 });
    expect(checked.states).toBeGreaterThan(100);
    expect(allProblems(await live())).toEqual([]);
  });

  test.each(Object.entries(TAMPERINGS))('%s: is named', async (_, { sql, says }) => {
    for (const statement of [sql(lives.ids)].flat()) await spoil(statement);
    const problems = allProblems(await audit());
    for (const wanted of says(lives.ids)) {
      const at = problems.findIndex((problem) => isSaid(wanted, problem));
      expect(at, `${wanted} among\n${problems.join('\n')}`).toBeGreaterThanOrEqual(0);
      problems.splice(at, 1);
    }
    expect(problems).toEqual([]);
  });

  test('a running server says so too', async () => {
    await spoil(`UPDATE coupons SET state = 0 WHERE id = ${coupon(1)}`);
    expect(allProblems(await live())).toEqual([
      `states: ${one(coupon(1))}: state is usable, by its events used`,
    ]);
  });

  test('an event doubled where nothing forbids it any more', async () => {
    const [index, drop] =
      mysqlUrl() === null
        ? [
            'CREATE UNIQUE INDEX coupon_events_coupon ON coupon_events (coupon_id, sequence)',
            'DROP INDEX coupon_events_coupon',
          ]
        : [
            'ALTER TABLE coupon_events ADD UNIQUE KEY coupon_events_coupon (coupon_id, sequence)',
            'ALTER TABLE coupon_events DROP KEY coupon_events_coupon',
          ];
    await run(drop!);
    const columns = 'coupon_id, sequence, kind, at, redemption_id, detail';
    await spoil(`${EVENT} SELECT ${columns} FROM coupon_events WHERE ${event(coupon(1), 3)}`);
    expect(allProblems(await audit())).toEqual([`states: ${one(coupon(1))}: event 3 is doubled`]);
    const all = await readPaged(EVENTS, 100_000);
    for (const pageRows of [3, 4, 5]) expect(await readPaged(EVENTS, pageRows)).toEqual(all);
    await run(`DELETE FROM coupon_events WHERE coupon_id = ${coupon(1)}`);
    await run(index!);
  });

  test.each<LifeTable<unknown>>([EVENTS, REDEMPTIONS, USAGES, RETURNS])(
    'pages of $name, however small, are all its rows once',
    async (table) => {
      await run(`${EVENT} VALUES (9223372036854775807, 2147483647, 4, 5, NULL, 'beyond all numbers')`);
      isSpoilt = true;
      const all = await readPaged(table, 100_000);
      expect(all.length).toBeGreaterThan(3);
      for (const pageRows of [1, 2, 3]) expect(await readPaged(table, pageRows)).toEqual(all);
    },
  );

  test('what changes while it reads is not seen', async () => {
    const facts = await openStoreFacts(hand.place(lives.shop));
    const count = async (pages: AsyncIterable<readonly unknown[]>): Promise<number> => {
      let rows = 0;
      for await (const page of pages) rows += page.length;
      return rows;
    };
    try {
      const events = await count(facts.events());
      await spoil(`DELETE FROM coupon_events WHERE coupon_id = ${coupon(1)}`);
      await spoil('DELETE FROM redemptions');
      await spoil('DELETE FROM usages');
      await spoil('DELETE FROM returns');
      expect(await count(facts.events())).toBe(events);
      expect([
        await count(facts.redemptions()),
        await count(facts.usages()),
        await count(facts.returns()),
      ]).toEqual([15, 9, 4]);
    } finally {
      await facts.close();
    }
  });
}
