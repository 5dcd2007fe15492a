/** A node of a cluster says sold out by itself only where it knows everybody who holds one. */
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClusterLinkOptions } from '../../src/engine/cluster/cluster-link.ts';
import { type ClusterPools, clusterPools } from '../../src/engine/cluster/cluster-pools.ts';
import { shardOf } from '../../src/ports-ledger.ts';
import type { FromCluster } from '../../src/workers/cluster-messages.ts';
import { StreamPlacesWriter } from '../../src/workers/stream-places.ts';
import { until } from '../claims/desk-stage.ts';
import { batchOf, groupOf } from '../ledger/redis-stage.ts';
import { GENERAL, HOLDER, SharedLedgerStage, TOTAL } from './shared-stage.ts';

const SHARD = shardOf(GENERAL.templateId);
const OWNERS = 2;

let at: SharedLedgerStage;
let cluster: ClusterPools;

function options(): Omit<ClusterLinkOptions, 'seats' | 'onClosed' | 'onOpen'> {
  return {
    data: { logRoot: '' } as ClusterLinkOptions['data'],
    owners: OWNERS,
    segmentKeepMs: 0,
    connectStore: () => {},
    tellOwner: () => {},
    onFlushed: () => {},
    onCatalogBehind: () => {},
    onFatal: (error) => {
      throw error;
    },
    logger: pino({ level: 'silent' }),
  };
}

beforeEach(async () => {
  at = new SharedLedgerStage();
  cluster = clusterPools(at.ledger, at.leases, new Map([[3, at.shelf.view]]), options());
  for (let owner = 0; owner < OWNERS; owner++) cluster.link.ownerReady(owner, true);
  const opened = { kind: 'open', seat: at.seat, head: 0, follow: 0 } as const;
  (cluster.link as unknown as { take(message: FromCluster): void }).take(opened);
});

afterEach(() => cluster.pools.stop());

/** Every unit is claimed at another node. */
function sellOutElsewhere(): void {
  at.model.raise(at.seat, GENERAL.templateId, TOTAL);
  const serials: number[] = [];
  for (let sequence = 1; serials.length < TOTAL; sequence++) {
    const granted = at.model.lease(at.other, GENERAL, sequence, [], [], TOTAL);
    if (granted.kind !== 'granted') throw new Error(granted.kind);
    for (const { from, to } of granted.ranges) for (let s = from; s < to; s++) serials.push(s);
  }
  const claims = serials.map((serial) => [serial + 1, 0] as const);
  const answer = at.model.commit(batchOf(at.other, 1, [groupOf(GENERAL, claims, serials)]));
  if (answer.kind !== 'committed') throw new Error(answer.kind);
}

function followed(position: number, owners = [0, 1]): void {
  for (const owner of owners)
    new StreamPlacesWriter(cluster.link.places[owner].buffer).begin(SHARD, at.seat.incarnation, position);
  at.leases.settle();
}

test('units come from the ledger to whoever leases them here', async () => {
  await cluster.pools.templateChanged(at.shelf.view);
  await until(() => at.leases.ledger.stock(GENERAL).free > 0, 'units of the ledger');
  at.leases.lease(GENERAL, HOLDER, 0, []);
  expect(at.sent.at(-1)).toMatchObject({ kind: 'lease', outcome: { kind: 'granted' } });
});

test('a pool sold out elsewhere is settled only when every owner has followed the last claim', async () => {
  const pool = at.shelf.view.pools.get(0)!;
  sellOutElsewhere();
  await cluster.pools.templateChanged(at.shelf.view);
  await until(() => pool.soldOut, 'the pool is sold out');
  expect(pool.settled).toBe(false);
  followed(TOTAL - 1);
  expect(pool.settled).toBe(false);
  followed(TOTAL, [0]);
  expect(pool.settled).toBe(false);
  followed(TOTAL);
  expect(pool.settled).toBe(true);
});

test('an owner is told up to where it must follow before it says sold out', async () => {
  sellOutElsewhere();
  await cluster.pools.templateChanged(at.shelf.view);
  await until(() => at.shelf.view.pools.get(0)!.soldOut, 'the pool is sold out');
  at.leases.lease(GENERAL, HOLDER, 0, []);
  expect(at.sent.at(-1)).toMatchObject({ outcome: { kind: 'exhausted', head: TOTAL } });
});

test('sales are not reported: each commit has told the ledger, which takes back what is left', async () => {
  await cluster.pools.templateChanged(at.shelf.view);
  await until(() => at.leases.ledger.stock(GENERAL).free > 0, 'units of the ledger');
  const [{ from }] = at.leases.ledger.snapshot()[0].free;
  const answer = at.model.commit(batchOf(at.seat, 1, [groupOf(GENERAL, [[1, 0]], [from])]));
  expect(answer.kind).toBe('committed');
  at.leases.lease(GENERAL, HOLDER, 0, []);
  at.leases.giveBack(GENERAL, HOLDER, 1, [{ from, to: from + 1 }], []);
  at.leases.reclaim(HOLDER.owner);
  await until(() => at.there(GENERAL)!.free < TOTAL / 2, 'the next units, asked for below half');
  await new Promise((resolve) => setImmediate(resolve));
  await cluster.pools.stop();
  expect(at.there(GENERAL)!.free).toBe(TOTAL - 1);
});
