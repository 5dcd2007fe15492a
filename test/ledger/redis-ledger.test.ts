/** Each call of the shared ledger in Redis, also repeated and late. What random calls find is in redis-model.test.ts. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { NO_COUPON } from '../../src/ports-commit.ts';
import type { ShardSeat, ShardStamp } from '../../src/ports-ledger.ts';
import {
  ACTIVITY,
  batchOf,
  GENERAL,
  groupOf,
  poolPlan,
  RedisStage,
  runOf,
  SHARD,
  TEMPLATE,
} from './redis-stage.ts';
import { entriesOf } from './same-stream.ts';

let stage: RedisStage;
let stamp: ShardStamp;
let a: ShardSeat;
let b: ShardSeat;

beforeAll(async () => {
  stage = await RedisStage.start();
});
afterAll(() => stage.stop());
beforeEach(async () => {
  stamp = await stage.open(stage.nextIncarnation(), [poolPlan(1_000)]);
  a = await stage.seat(stamp, 'a');
  b = await stage.seat(stamp, 'b');
});

describe('seats', () => {
  test('the same start keeps its epoch, another one ends it', async () => {
    await stage.ledger.lease(a, GENERAL, 1, [], [], 100);
    expect((await stage.seat(stamp, 'a')).epoch).toBe(a.epoch);
    const again = await stage.seat(stamp, 'a', 'a-2');
    expect(again.epoch).toBeGreaterThan(b.epoch);
    expect(await stage.ledger.extend(a, 1_000)).toEqual({ kind: 'fenced' });
    const [pool] = await stage.ledger.pools(SHARD, stamp.incarnation);
    expect(pool).toEqual({ ref: GENERAL, units: 1_000, free: runOf(0, 1_000), leases: [] });
  });

  test('only reclaim ends a seat whose time has passed, and its units are free again', async () => {
    await stage.ledger.lease(a, GENERAL, 1, [], [], 100);
    await stage.ledger.extend(a, 0);
    expect(await stage.ledger.extend(a, 0)).toMatchObject({ kind: 'done' });
    expect(await stage.ledger.reclaim(stamp)).toMatchObject({ kind: 'reclaimed', nodeIds: ['a'], head: 0 });
    expect(await stage.ledger.lease(a, GENERAL, 2, [], [], 1)).toEqual({ kind: 'fenced' });
    expect(await stage.ledger.reclaim(stamp)).toMatchObject({ nodeIds: [] });
    expect((await stage.ledger.pools(SHARD, stamp.incarnation))[0].free).toEqual(runOf(0, 1_000));
  });

  test('an incarnation may be opened with units in the hands of a node that has yet to join', async () => {
    const plan = { ...poolPlan(10), free: runOf(4, 10), leased: [{ nodeId: 'c', ranges: runOf(0, 4) }] };
    const next = await stage.open(stage.nextIncarnation(), [plan]);
    const c = await stage.seat(next, 'c');
    const told = await stage.ledger.giveBack(c, GENERAL, 1, runOf(0, 1), runOf(1, 2));
    expect(told).toMatchObject({ kind: 'done' });
    const [pool] = await stage.ledger.pools(SHARD, next.incarnation);
    expect(pool.leases).toEqual([{ nodeId: 'c', ranges: runOf(2, 4) }]);
  });
});

describe('units', () => {
  test('a repeated call gets the same units, an older one is late', async () => {
    const first = await stage.ledger.lease(a, GENERAL, 1, [], [], 100);
    expect(first).toMatchObject({ kind: 'granted', ranges: runOf(0, 100) });
    expect(await stage.ledger.lease(a, GENERAL, 1, [], [], 100)).toEqual(first);
    await stage.ledger.lease(a, GENERAL, 2, [], [], 10);
    expect(await stage.ledger.lease(a, GENERAL, 1, [], [], 100)).toEqual({ kind: 'late' });
    expect(await stage.ledger.giveBack(a, GENERAL, 1, [], runOf(0, 1))).toEqual({ kind: 'late' });
  });

  test('what a node does not hold it can neither report nor give back', async () => {
    await stage.ledger.lease(a, GENERAL, 1, [], [], 100);
    expect(await stage.ledger.giveBack(b, GENERAL, 1, [], runOf(0, 1))).toEqual({ kind: 'fenced' });
    expect(await stage.ledger.giveBack(a, GENERAL, 2, runOf(50, 60), runOf(59, 61))).toEqual({
      kind: 'fenced',
    });
    expect(await stage.ledger.giveBack(a, GENERAL, 2, runOf(50, 60), runOf(60, 61))).toMatchObject({
      kind: 'done',
    });
  });

  test('who finds nothing is told when units come back, and when there are none to come', async () => {
    await stage.ledger.lease(a, GENERAL, 1, [], [], 1_000);
    await stage.ledger.lease(a, GENERAL, 2, [], [], 1_000);
    for (let n = 3; n < 30; n++) await stage.ledger.lease(a, GENERAL, n, [], [], 1_000);
    expect(await stage.ledger.lease(b, GENERAL, 1, [], [], 10)).toMatchObject({ kind: 'recalling' });
    // Node a found nothing more at last; it alone had something.
    const recall = { kind: 'recall', shard: SHARD, ref: GENERAL, all: false };
    expect(await stage.told(stamp)).toEqual([recall]);

    await stage.ledger.giveBack(a, GENERAL, 30, runOf(0, 998), []);
    expect(await stage.told(stamp)).toEqual([]);
    await stage.ledger.giveBack(a, GENERAL, 31, [], runOf(998, 999));
    expect(await stage.told(stamp)).toEqual([{ kind: 'stock', shard: SHARD, ref: GENERAL }]);
    expect(await stage.ledger.lease(b, GENERAL, 2, [], [], 10)).toMatchObject({ ranges: runOf(998, 999) });
    expect(await stage.ledger.lease(b, GENERAL, 3, [], [], 10)).toMatchObject({ kind: 'recalling' });
    await stage.ledger.giveBack(a, GENERAL, 32, runOf(999, 1_000), []);
    const last = await stage.ledger.lease(b, GENERAL, 4, runOf(998, 999), [], 10);
    expect(last).toMatchObject({ kind: 'exhausted', head: 0 });
    await stage.ledger.raise(stamp, TEMPLATE, 1_001);
    expect((await stage.told(stamp)).at(-1)).toEqual({ kind: 'stock', shard: SHARD, ref: GENERAL });
  });

  test('funding moves exactly the difference, or nothing', async () => {
    expect(await stage.ledger.fund(stamp, ACTIVITY, 300)).toMatchObject({ kind: 'done', version: 4 });
    expect(await stage.ledger.fund(stamp, ACTIVITY, 300)).toMatchObject({ kind: 'done', version: 4 });
    await stage.ledger.fund(stamp, ACTIVITY, 200);
    expect(await stage.ledger.fund(stamp, ACTIVITY, 1_001)).toMatchObject({
      kind: 'short',
      unclaimed: 800,
      asked: 801,
    });
    const moved = { kind: 'moved', shard: SHARD };
    // Each move is told, and that nothing is asked back for one that cannot be made.
    expect(await stage.told(stamp)).toEqual([
      { ...moved, ref: GENERAL },
      { ...moved, ref: ACTIVITY },
      { ...moved, ref: GENERAL },
    ]);
    const pools = await stage.ledger.pools(SHARD, stamp.incarnation);
    expect(pools.map(({ units }) => units)).toEqual([1_000, 200]);
    const size = pools.map(({ free }) => free.reduce((n, { from, to }) => n + to - from, 0));
    expect(size).toEqual([800, 200]);
  });

  test('what a move needs of leased units is asked back, and told to be moved when it is', async () => {
    await stage.ledger.lease(a, GENERAL, 1, [], [], 1_000);
    const { free, leases } = (await stage.ledger.pools(SHARD, stamp.incarnation))[0];
    const units = free.reduce((n, { from, to }) => n + to - from, 0);
    expect(await stage.ledger.fund(stamp, ACTIVITY, units + 1)).toMatchObject({ kind: 'short' });
    expect(await stage.told(stamp)).toEqual([{ kind: 'recall', shard: SHARD, ref: GENERAL, all: true }]);
    await stage.ledger.giveBack(a, GENERAL, 2, [], leases[0].ranges);
    expect(await stage.ledger.fund(stamp, ACTIVITY, units + 1)).toMatchObject({ kind: 'done' });
    expect(await stage.told(stamp)).toEqual([{ kind: 'moved', shard: SHARD, ref: GENERAL }]);
  });

  test('a closed pool gives no units, and what is out goes to the general pool once it is back', async () => {
    await stage.ledger.fund(stamp, ACTIVITY, 300);
    await stage.ledger.lease(a, ACTIVITY, 1, [], [], 100);
    await stage.ledger.closePool(stamp, ACTIVITY);
    expect(await stage.told(stamp)).toContainEqual({
      kind: 'recall',
      shard: SHARD,
      ref: ACTIVITY,
      all: true,
    });
    expect(await stage.ledger.lease(b, ACTIVITY, 1, [], [], 1)).toMatchObject({ kind: 'closed' });
    expect(await stage.ledger.lease(a, ACTIVITY, 2, runOf(0, 10), runOf(10, 75), 1)).toMatchObject({
      kind: 'closed',
    });
    const pools = await stage.ledger.pools(SHARD, stamp.incarnation);
    expect(pools.map(({ units }) => units)).toEqual([1_000, 10]);
    expect(pools[0].free.reduce((n, { from, to }) => n + to - from, 0)).toBe(990);
    expect(await stage.ledger.lease(b, { ...ACTIVITY, activityId: 9 }, 1, [], [], 1)).toMatchObject({
      kind: 'closed',
    });
  });
});

describe('claims', () => {
  beforeEach(async () => {
    await stage.ledger.lease(a, GENERAL, 1, [], [], 100);
  });

  test('each user gets the next unit, or the coupon held already', async () => {
    const groups = [
      groupOf(
        GENERAL,
        [
          [1, 0],
          [2, 9],
          [1, 0],
          [3, 0],
          [4, 0],
        ],
        [0, 1, 5],
      ),
    ];
    const answer = await stage.commits.commit(batchOf(a, 1, groups));
    expect(answer).toMatchObject({ kind: 'committed', head: 3 });
    if (answer.kind !== 'committed') return;
    expect([...answer.verdicts]).toEqual([1, 1, 2, 1, 4]);
    expect([...answer.serials]).toEqual([0, 1, 0, 5, NO_COUPON]);
    expect(entriesOf(await stage.ledger.read(SHARD, stamp.incarnation, 1, 10))[0]).toEqual({
      templateId: TEMPLATE,
      serial: 1,
      userLo: 2,
      userHi: 0x7000_0002,
      activityId: 0,
      code: 1_000_003 + 2 ** 32,
      claimedAtMs: 0x190 * 2 ** 32 + 0xfedc_ba98,
      keyLo: 9,
      keyHi: 27,
    });
    expect(await stage.told(stamp)).toContainEqual({ kind: 'head', shard: SHARD, head: 3 });
    expect(await stage.commits.commit(batchOf(a, 1, groups))).toEqual(answer);
    expect(await stage.ledger.head(SHARD, stamp.incarnation)).toBe(3);
  });

  test('limits count coupons of the pool and of the template; a key answers with its own coupon', async () => {
    await stage.ledger.fund(stamp, ACTIVITY, 100);
    const leased = await stage.ledger.lease(a, ACTIVITY, 1, [], [], 10);
    expect(leased.kind).toBe('granted');
    const serials = leased.kind === 'granted' ? leased.ranges.map(({ from }) => from) : [];
    const answer = await stage.commits.commit(
      batchOf(a, 1, [
        groupOf(
          GENERAL,
          [
            [1, 5],
            [1, 6],
            [1, 5],
            [1, 7],
          ],
          [0, 1, 2],
          2,
          3,
        ),
        groupOf(
          ACTIVITY,
          [
            [1, 5],
            [1, 0],
          ],
          [serials[0], serials[0] + 1],
          2,
          3,
        ),
      ]),
    );
    expect(answer.kind === 'committed' && [...answer.verdicts]).toEqual([1, 1, 2, 3, 1, 3]);
    expect(answer.kind === 'committed' && [...answer.serials]).toEqual([0, 1, 0, 1, serials[0], serials[0]]);
  });

  test('one unit that is not in the lease refuses all', async () => {
    const groups = [
      groupOf(
        GENERAL,
        [
          [1, 0],
          [2, 0],
        ],
        [0, 100],
      ),
    ];
    expect(await stage.commits.commit(batchOf(a, 1, groups))).toEqual({ kind: 'fenced' });
    expect(await stage.commits.commit(batchOf(b, 1, [groupOf(GENERAL, [[1, 0]], [0])]))).toEqual({
      kind: 'fenced',
    });
    const twice = batchOf(a, 1, [
      groupOf(
        GENERAL,
        [
          [1, 0],
          [2, 0],
        ],
        [0, 0],
      ),
    ]);
    expect(await stage.commits.commit(twice)).toEqual({ kind: 'fenced' });
    expect(await stage.ledger.head(SHARD, stamp.incarnation)).toBe(0);
  });

  test('an older batch is late; so is all of a life that was fenced', async () => {
    const claim = (user: number, serial: number) => [groupOf(GENERAL, [[user, 0]], [serial])];
    expect(await stage.commits.commit(batchOf(a, 5, claim(1, 0)))).toMatchObject({ kind: 'committed' });
    expect(await stage.commits.commit(batchOf(a, 4, claim(2, 1)))).toEqual({ kind: 'late' });
    expect(await stage.commits.fenceOwner(a, 0, 2)).toMatchObject({ kind: 'done', head: 1 });
    expect(await stage.commits.fenceOwner(a, 0, 2)).toMatchObject({ kind: 'done', head: 1 });
    expect(await stage.commits.fenceOwner(a, 0, 1)).toEqual({ kind: 'late' });
    expect(await stage.commits.commit(batchOf(a, 6, claim(2, 1)))).toEqual({ kind: 'late' });
    expect(await stage.commits.commit(batchOf(a, 1, claim(2, 1), { life: 2 }))).toMatchObject({
      kind: 'committed',
    });
    // Other owners go on.
    expect(await stage.commits.commit(batchOf(a, 1, claim(3, 2), { owner: 1 }))).toMatchObject({ head: 3 });
  });

  test('the last sale is told to who waits for units', async () => {
    const next = await stage.open(stage.nextIncarnation(), [poolPlan(2)]);
    const [c, d] = [await stage.seat(next, 'c'), await stage.seat(next, 'd')];
    await stage.ledger.lease(c, GENERAL, 1, [], [], 10);
    expect(await stage.ledger.lease(d, GENERAL, 1, [], [], 10)).toMatchObject({ kind: 'recalling' });
    await stage.commits.commit(
      batchOf(c, 1, [
        groupOf(
          GENERAL,
          [
            [1, 0],
            [2, 0],
          ],
          [0, 1],
        ),
      ]),
    );
    expect(await stage.told(next)).toContainEqual({ kind: 'stock', shard: SHARD, ref: GENERAL });
    expect(await stage.ledger.lease(d, GENERAL, 2, [], [], 10)).toMatchObject({ kind: 'exhausted', head: 2 });
  });

  test('a batch of thousands, whose units lie scattered', async () => {
    const next = await stage.open(stage.nextIncarnation(), [poolPlan(20_000)]);
    const c = await stage.seat(next, 'c');
    await stage.ledger.lease(c, GENERAL, 1, [], [], 10_000);
    const claims = Array.from({ length: 4_096 }, (_, n): [number, number] => [n % 4_000, 0]);
    const units = Array.from({ length: 4_096 }, (_, n) => n * 2);
    const answer = await stage.commits.commit(batchOf(c, 1, [groupOf(GENERAL, claims, units)]));
    expect(answer).toMatchObject({ kind: 'committed', head: 4_000 });
    if (answer.kind === 'committed') expect(answer.verdicts.filter((kind) => kind === 2)).toHaveLength(96);
    const entries = entriesOf(await stage.ledger.read(SHARD, next.incarnation, 0, 5_000));
    expect(entries.map(({ serial }) => serial)).toEqual(units.slice(0, 4_000));
  });
});

describe('the stream', () => {
  test('is read from anywhere, in pieces, until it is trimmed', async () => {
    await stage.ledger.lease(a, GENERAL, 1, [], [], 500);
    for (let n = 0; n < 40; n++) {
      const claims = Array.from({ length: 1 + (n % 5) }, (_, i): [number, number] => [n * 6 + i, 0]);
      const units = claims.map(([user]) => user);
      await stage.commits.commit(batchOf(a, n + 1, [groupOf(GENERAL, claims, units)]));
    }
    const read = async (from: number, max: number) =>
      entriesOf(await stage.ledger.read(SHARD, stamp.incarnation, from, max));
    const all = await read(0, 1_000);
    expect(all).toHaveLength(120);
    const pieces = [];
    while (pieces.length < 120) pieces.push(...(await read(pieces.length, 7)));
    expect(pieces).toEqual(all);
    expect(await read(120, 10)).toEqual([]);

    const start = () => stage.ledger.start(SHARD, stamp.incarnation);
    expect(await start()).toBe(0);
    await stage.ledger.trim(SHARD, stamp.incarnation, 62);
    const first = (await start())!;
    expect(first).toBeGreaterThan(30);
    expect(first).toBeLessThanOrEqual(62);
    expect(await read(first, 1_000)).toEqual(all.slice(first));
    expect(await read(62, 1_000)).toEqual(all.slice(62));
    await expect(read(30, 10)).rejects.toThrow('not in stream');
    await stage.ledger.trim(SHARD, stamp.incarnation, 120);
    expect(await read(120, 10)).toEqual([]);
    await expect(read(119, 10)).rejects.toThrow('not in stream');
    expect(await start()).toBe(120);
    expect(await stage.ledger.start(SHARD, stamp.incarnation + 1)).toBe(null);
    await expect(stage.ledger.read(SHARD, stamp.incarnation + 1, 0, 10)).rejects.toThrow('is not there');
  });
});
