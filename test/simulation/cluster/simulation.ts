/**
 * One seed: a crowd at several nodes with everything going wrong for a while, then quiet. Then the rest must sell to the
 * last unit, all of it must be stored, and every promise must still be kept by every node.
 */
import { Verdict } from '../../../src/actors/verdict.ts';
import { fileDisk } from '../../../src/claimlog/disk.ts';
import { ENTRY_BYTES } from '../../../src/claimlog/entry.ts';
import { streamLogId } from '../../../src/cluster/log-ids.ts';
import { SHARDS, shardOf } from '../../../src/ports-ledger.ts';
import type { DeedName } from './chaos.ts';
import { assertMemories, assertRows } from './checks.ts';
import { drive } from './drive.ts';
import type { ClusterFaults } from './faults.ts';
import { type Parts, realParts } from './parts.ts';
import type { SimNode } from './sim-node.ts';
import { withVirtualGlobals } from './virtual-globals.ts';
import { World } from './world.ts';

/** How long the quiet may take, in virtual time. */
const HEAL_US = 400_000_000;
const SELL_OUT_US = 60_000_000;
const DRAIN_US = 60_000_000;
const CROWD_GAP_US = 20_000;
const CROWD_CLAIMS = 12;
const REPEATS = 24;

export interface Outcome {
  readonly seed: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly claims: number;
  readonly promises: number;
  readonly faults: ClusterFaults;
  /** null: all went well. */
  readonly failure: { readonly event: number; readonly error: Error } | null;
}

export interface Options {
  readonly events: number;
  readonly parts?: Parts;
  /** What may go wrong; each seed picks for itself otherwise. */
  readonly deeds?: readonly DeedName[] | undefined;
  readonly onTrace?: (line: string) => void;
}

export async function simulate(
  seed: number,
  { events, parts = realParts, deeds, onTrace }: Options,
): Promise<Outcome> {
  const world = new World(seed, parts, deeds ?? null, onTrace ?? null);
  let error: Error | null = null;
  const onRejection = (reason: unknown): void => world.fail(reason, 'unhandled rejection');
  await withVirtualGlobals(world, fileDisk, onRejection, async () => {
    try {
      await until(world, Number.POSITIVE_INFINITY, '', () => world.scheduler.count >= events);
      world.calmDown();
      await finish(world);
    } catch (thrown) {
      error = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  });
  const event = world.scheduler.count;
  const failure = world.failure ?? error;
  return {
    seed,
    events: event,
    virtualMs: world.scheduler.nowUs / 1_000,
    claims: world.clients.claims.length,
    promises: world.oracle.winners.length,
    faults: world.faults,
    failure: failure === null ? null : { event, error: failure },
  };
}

async function until(
  world: World,
  limitUs: number,
  complaint: string,
  condition: () => boolean,
): Promise<void> {
  const { scheduler } = world;
  const untilUs = scheduler.nowUs + limitUs;
  await drive(scheduler, () => world.failure !== null || scheduler.nowUs > untilUs || condition());
  if (world.failure !== null) throw world.failure;
  if (!condition()) throw new Error(`${complaint}\n${describe(world)}`);
}

function isUp({ process }: SimNode): boolean {
  if (process === null || !process.serving || process.seats.all().length < SHARDS) return false;
  for (let index = 0; index < process.owners; index++) if (process.lives[index] == null) return false;
  return true;
}

async function finish(world: World): Promise<void> {
  const { nodes, redis, records } = world;
  await until(world, HEAL_US, 'the cluster does not heal', () => nodes.every(isUp));
  for (let shard = 0; shard < SHARDS; shard++) redis.models[shard].assertUnits();
  await sellOut(world);
  const isDrained = (): boolean =>
    [...redis.models.keys()].every((shard) => {
      const { incarnation, claims } = redis.data(shard);
      const stored = (records.marks.get(streamLogId(shard, incarnation))?.offset ?? 0) / ENTRY_BYTES;
      const isFollowed = nodes.every(
        ({ process }) => (process?.link.followedTo(shard) ?? 0) >= claims.length,
      );
      return stored >= claims.length && isFollowed;
    });
  await until(world, DRAIN_US, 'not everything is stored, or not followed', isDrained);
  assertRows(world);
  world.oracle.assertKept();
  await repeatWinners(world);
  assertMemories(world);
}

/** New users who never stop coming, to every pool, until it is sold out. */
async function sellOut(world: World): Promise<void> {
  const { records, redis, clients, scheduler } = world;
  const pools = [
    ...records.templateRows.map(({ id }) => ({ templateId: id, activityId: 0 })),
    ...records.activityRows.map(({ id, templateId }) => ({ templateId, activityId: id })),
  ];
  let user = 500_000;
  let isOver = false;
  const told = new Map<string, boolean>();
  const come = (): void => {
    if (isOver) return;
    for (const { templateId, activityId } of pools) {
      const left = redis.truth({ templateId, activityId }).exhausted ? 1 : CROWD_CLAIMS;
      for (let n = 0; n < left; n++) {
        const claim = clients.send(templateId, activityId, user++, 0, 0);
        scheduler.later(1_500_000, () => {
          if (claim.verdict === Verdict.soldOut) told.set(`${templateId}/${activityId}`, true);
        });
      }
    }
    scheduler.later(CROWD_GAP_US, come);
  };
  come();
  await until(world, SELL_OUT_US, 'something was never sold out', () =>
    pools.every((pool) => redis.truth(pool).exhausted && told.get(`${pool.templateId}/${pool.activityId}`)),
  );
  isOver = true;
  await until(world, 3_000_000, '', () => false).catch(() => {
    if (world.failure !== null) throw world.failure;
  });
}

/** Winners that come again get their coupon, at every node. */
async function repeatWinners(world: World): Promise<void> {
  const { oracle, random, clients } = world;
  const picked = Array.from({ length: Math.min(REPEATS, oracle.winners.length) }, () =>
    random.pick(oracle.winners),
  ).filter(({ templateId, activityId, key }) => key !== 0 || world.poolLimit(templateId, activityId) === 1);
  const claims = picked.map(({ templateId, activityId, user, key }) =>
    clients.send(templateId, activityId, user, key, 0),
  );
  await until(world, 5_000_000, 'a repeat was not answered', () =>
    claims.every(({ verdict }) => verdict !== 0),
  );
  for (const claim of claims) {
    if (claim.verdict !== Verdict.alreadyClaimed)
      throw new Error(`claim ${claim.number}, a repeat, was told ${claim.verdict}`);
  }
}

/** For people who look for what keeps a cluster from healing. */
function describe(world: World): string {
  const lines: string[] = [];
  for (const [shard, row] of world.records.shardRows) {
    const { incarnation, claims } = world.redis.data(shard);
    lines.push(
      `shard ${shard}: ${JSON.stringify(row)}; ledger: incarnation ${incarnation}, ${claims.length} claims`,
    );
    lines.push(
      `  members ${JSON.stringify(world.records.memberRows.filter((member) => member.shard === shard))}`,
    );
    for (const [key, pool] of world.redis.data(shard).pools) {
      const leases = [...pool.leases].map(([nodeId, lease]) => `${nodeId}: ${lease.size}`);
      lines.push(`  pool ${key}: ${pool.free.length} free, leases ${leases.join(', ')}`);
    }
  }
  for (const { id, process } of world.nodes) {
    const state = process?.link.state?.shards
      .slice(0, SHARDS)
      .map(({ shard, phase, why, stuck }) => `${shard} ${phase} (${why}) ${stuck ?? ''}`)
      .join('; ');
    lines.push(
      `${id}: ${process === null ? 'down' : `serving ${process.serving}, stopping ${process.stopping}`}; seats ` +
        `${process?.describeOwners()} ${process?.seats.all().map(({ shard, epoch }) => `${shard}@${epoch}`)}; ${state}`,
    );
    for (const { ref } of process?.leases.ledger.snapshot() ?? []) {
      const { free, leased } = process!.leases.ledger.stock(ref);
      const followed = process!.link.followedTo(shardOf(ref.templateId));
      const thirsty = process!.leases.isThirsty(ref);
      lines.push(
        `  ${ref.templateId}/${ref.activityId}: ${free} free, ${leased} in slices, thirsty ${thirsty}, followed ${followed}`,
      );
    }
  }
  return lines.join('\n');
}
