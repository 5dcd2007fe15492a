/** The one node of the profile `single`: its seats, its supply, and the ledger it writes anew from what it knows. */
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PoolFact } from '../../src/audit/facts.ts';
import { type SinglePools, singlePools } from '../../src/engine/single/single-pools.ts';
import { unitsIn } from '../../src/engine/stock-figures.ts';
import type { PoolState } from '../../src/ports-ledger.ts';
import { until } from '../claims/desk-stage.ts';
import { activity } from '../records/samples.ts';
import { ACTIVITY, GENERAL, HOLDER, SharedLedgerStage, TOTAL } from './shared-stage.ts';

const NODE = 'n';
const STOCK = 50;

let at: SharedLedgerStage;
let node: SinglePools;

beforeEach(() => {
  at = new SharedLedgerStage();
  at.shelf.view.activities = [activity({ id: ACTIVITY.activityId, templateId: 3, stock: STOCK })];
  const shared = { ledger: at.ledger, nodeId: NODE, startId: 'start' };
  node = singlePools(shared, at.leases, new Map([[3, at.shelf.view]]), pino({ level: 'silent' }));
});

afterEach(() => node.pools.stop());

async function start(): Promise<void> {
  await node.pools.start([at.shelf.view]);
  await until(() => at.leases.ledger.stock(GENERAL).free > 0, 'units of the general pool');
  await until(() => at.leases.ledger.stock(ACTIVITY).free > 0, 'units of the activity');
}

async function there({ activityId }: { activityId: number }): Promise<PoolState> {
  const pools = await node.pools.held(3);
  return pools.find(({ ref }) => ref.activityId === activityId)!;
}

/** Units of a pool in this process, waiting for codes or in slices. */
function here(ref: PoolFact['ref']): number {
  const { free, leased } = at.leases.ledger.stock(ref);
  return free + leased + unitsIn(at.leases.keeper.bare(ref));
}

/** An owner leases units of the pool; the first of them are claimed, which it has not reported. */
function sell(ref: PoolFact['ref'], units: number): readonly { from: number; to: number }[] {
  at.leases.lease(ref, HOLDER, 0, []);
  const message = at.sent.at(-1);
  if (message?.kind !== 'lease' || message.outcome.kind !== 'granted') throw new Error('nothing was granted');
  const [{ from }] = message.outcome.ranges;
  for (let n = 0; n < units; n++) at.shelf.sell(from + n, 1_000 + from + n, 0, ref.activityId);
  return message.outcome.ranges;
}

test('every pool has its units in the ledger, and what it leases is here', async () => {
  await start();
  const [general, ofActivity] = [await there(GENERAL), await there(ACTIVITY)];
  expect([general.units, ofActivity.units]).toEqual([TOTAL, STOCK]);
  expect(unitsIn(general.free) + here(GENERAL)).toBe(TOTAL - STOCK);
  expect(unitsIn(ofActivity.free) + here(ACTIVITY)).toBe(STOCK);
});

test('a ledger that lost everything is written anew: what is in slices stays leased, sold and unreported or not', async () => {
  await start();
  const granted = sell(ACTIVITY, 10);
  at.model.flush();
  await node.pools.templateChanged(at.shelf.view).catch(() => {});
  await until(() => node.single.closedShards.length === 0, 'the ledger is written');
  const { units, free, leases } = await there(ACTIVITY);
  expect(units).toBe(STOCK);
  const leased = leases.flatMap(({ ranges }) => ranges);
  for (const { from, to } of granted)
    expect(leased.some((range) => range.from <= from && range.to >= to)).toBe(true);
  // Nothing twice and nothing lost: what was claimed is in the slice, which is all counted as this node's.
  expect(unitsIn(free) + unitsIn(leased)).toBe(STOCK);
});

test('an activity is enlarged by just the difference, whatever was sold and not reported', async () => {
  await start();
  sell(ACTIVITY, 20);
  const larger = { ...at.activity, stock: STOCK + 30 };
  for (let i = 0; i < 2; i++) expect(await node.pools.resizeActivity(larger)).toEqual({ ok: true });
  const { units, free, leases } = await there(ACTIVITY);
  expect(units).toBe(STOCK + 30);
  expect(unitsIn(free) + unitsIn(leases.flatMap(({ ranges }) => ranges))).toBe(STOCK + 30);
});

test('at the end everything unsold is in the ledger again', async () => {
  await start();
  expect(unitsIn((await there(GENERAL)).free)).toBeLessThan(TOTAL - STOCK);
  await node.pools.stop();
  for (const [ref, units] of [
    [GENERAL, TOTAL - STOCK],
    [ACTIVITY, STOCK],
  ] as const) {
    const { free, leases } = await there(ref);
    expect([unitsIn(free), unitsIn(leases.flatMap(({ ranges }) => ranges))]).toEqual([units, 0]);
  }
});
