/** An owner that runs several partitions of a template sends several groups about one pool in one batch. */
import { expect, test } from 'vitest';
import { Committed } from '../../src/ports-commit.ts';
import { batchOf, GENERAL, groupOf, poolPlan, RedisStage, SHARD } from './redis-stage.ts';

test('each group takes its units out of the lease that the one before it left', async () => {
  const stage = await RedisStage.start();
  try {
    const stamp = await stage.open(stage.nextIncarnation(), [poolPlan(64)]);
    const seat = await stage.seat(stamp, 'a');
    const granted = await stage.ledger.lease(seat, GENERAL, 1, [], [], 64);
    if (granted.kind !== 'granted') throw new Error(granted.kind);
    expect(granted.ranges).toEqual([{ from: 0, to: 64 }]);

    // The second group is offered one unit more than it has claims for: it stays in the lease.
    const first = groupOf(
      GENERAL,
      [1, 2, 3].map((user) => [user, 0] as const),
      [0, 1, 2],
    );
    const second = groupOf(
      GENERAL,
      [4, 5].map((user) => [user, 0] as const),
      [40, 41, 42],
    );
    const third = groupOf(GENERAL, [[6, 0]], [20]);
    const answer = await stage.commits.commit(batchOf(seat, 1, [first, second, third]));
    if (answer.kind !== 'committed') throw new Error(answer.kind);
    expect([...answer.verdicts]).toEqual(new Array(6).fill(Committed.claimed));
    expect([...answer.serials]).toEqual([0, 1, 2, 40, 41, 20]);

    const [pool] = await stage.ledger.pools(SHARD, stamp.incarnation);
    expect(pool.leases).toEqual([
      {
        nodeId: 'a',
        ranges: [
          { from: 3, to: 20 },
          { from: 21, to: 40 },
          { from: 42, to: 64 },
        ],
      },
    ]);

    // What a node has sold does not come back with its seat.
    await stage.ledger.leave(seat);
    const [left] = await stage.ledger.pools(SHARD, stamp.incarnation);
    const free = left.free.reduce((sum, { from, to }) => sum + to - from, 0);
    expect(free).toBe(64 - 6);
    expect(left.free.some(({ from, to }) => from <= 1 && to > 1)).toBe(false);
  } finally {
    await stage.stop();
  }
});

test('a unit offered by two groups refuses the whole batch', async () => {
  const stage = await RedisStage.start();
  try {
    const stamp = await stage.open(stage.nextIncarnation(), [poolPlan(64)]);
    const seat = await stage.seat(stamp, 'a');
    await stage.ledger.lease(seat, GENERAL, 1, [], [], 64);
    const groups = [groupOf(GENERAL, [[1, 0]], [7]), groupOf(GENERAL, [[2, 0]], [7])];
    expect(await stage.commits.commit(batchOf(seat, 1, groups))).toEqual({ kind: 'fenced' });
    expect(await stage.ledger.head(SHARD, stamp.incarnation)).toBe(0);
  } finally {
    await stage.stop();
  }
});
