/** What an ingress knows of templates follows what main knows, over the same tables. */
import { expect, test } from 'vitest';
import { Replicas, replicaOf, sharesOf } from '../../src/ingress/replicas.ts';
import { Shelf } from '../claims/views.ts';
import { activity } from '../records/samples.ts';

test('a claim that an owner publishes is seen in the replica, and so are the marks of its pool', () => {
  const shelf = new Shelf({ id: 3, total: 100 });
  const replicas = new Replicas(1);
  replicas.take(replicaOf(shelf.view));
  const copy = replicas.template(3)!;
  expect(copy.actors[0]!.users).toBeNull();
  replicas.takeShares(sharesOf(shelf.view, 0)!);
  shelf.sell(7, 42, 0);
  expect(copy.actors[0]!.users!.newest(42, 0)).toBe(7);
  expect([copy.units.isClaimed(7), copy.claimedUnits]).toEqual([true, 1]);

  const [pool, here] = [shelf.view.pools.get(0)!, copy.pools.get(0)!];
  expect([here.soldOut, here.settled]).toEqual([false, false]);
  pool.mark(true, false);
  expect([here.soldOut, here.settled]).toEqual([true, false]);
  pool.mark(true, true);
  expect([here.soldOut, here.settled]).toEqual([true, true]);
  pool.mark(false, true);
  expect([here.soldOut, here.settled]).toEqual([false, false]);
});

test('a template that has grown and got an activity is known by both', () => {
  const shelf = new Shelf({ id: 3, total: 50 });
  const replicas = new Replicas(1);
  replicas.take(replicaOf(shelf.view));
  const copy = replicas.template(3)!;
  const pool = copy.pools.get(0);

  const noon = activity({ id: 12, templateId: 3 });
  const grown = new Shelf({ id: 3, total: 5000, perUserLimit: 2 }, [noon]);
  replicas.take({
    ...replicaOf(grown.view),
    units: [...copy.units.buffers, ...grown.view.units.buffers.slice(1)],
  });
  expect(replicas.template(3)).toBe(copy);
  expect(copy.pools.get(0)).toBe(pool);
  expect([copy.template.total, pool!.rules.perUserLimit, copy.units.capacity >= 5000]).toEqual([
    5000,
    2,
    true,
  ]);
  expect(replicas.templateOfActivity(12)).toBe(copy);
  expect(copy.pools.has(12)).toBe(true);
});

test('a table that an owner has replaced is out of date until the message comes', () => {
  const shelf = new Shelf({ id: 3, total: 5000 });
  const replicas = new Replicas(1);
  replicas.take(replicaOf(shelf.view));
  replicas.takeShares(sharesOf(shelf.view, 0)!);
  const waiting: (() => void)[] = [];
  shelf.tables[0]!.onSegment = (index, buffer) =>
    waiting.push(() => replicas.takeSegment(3, 0, index, buffer));
  let serial = 0;
  while (waiting.length === 0) shelf.sell(serial, 1000 + serial++, 0);
  shelf.sell(serial, 42, 0);
  const { users } = replicas.template(3)!.actors[0]!;
  expect(users!.newest(42, 0)).toBe(-2);
  for (const one of waiting) one();
  expect(users!.newest(42, 0)).toBe(serial);
});
