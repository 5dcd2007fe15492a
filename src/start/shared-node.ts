/** What the profiles `single` and `cluster` need beyond `embedded`: who this node is, and what it shares with others. */
import { randomBytes } from 'node:crypto';
import { admissionProblem } from '../cluster/admission.ts';
import { nodeIdentity } from '../cluster/node-identity.ts';
import { NodeRegistry } from '../cluster/node-registry.ts';
import { Troubles } from '../cluster/troubles.ts';
import type { Config } from '../config.ts';
import type { ClusterNode } from '../engine/cluster/cluster-topology.ts';
import type { SingleNode } from '../engine/single/single-topology.ts';
import { RedisConnection } from '../ledger/redis/redis-connection.ts';
import { RedisShardLedger } from '../ledger/redis/redis-shard-ledger.ts';
import type { Logger } from '../logger.ts';
import type { RecordStore } from '../ports.ts';
import type { ClusterStore, ProfileStore } from '../ports-cluster.ts';
import { realClock } from '../workers/real-clock.ts';
import { CatalogBell } from './catalog-bell.ts';

/** A Redis that is away is no reason not to start: it is waited for behind. */
const CONNECT_MS = 3_000;

export interface SharedNode {
  readonly node: SingleNode | ClusterNode;
  readonly installation: string;
  /** For everything that is not the ledger: caches, notices. */
  readonly redis: RedisConnection;
  /** Null where no other node listens. */
  readonly bell: CatalogBell | null;
  /** Tells of what fails and is tried again; `what` is a fixed text. */
  readonly onTrouble: (what: string, error: unknown) => void;
  stop(): Promise<void>;
}

/**
 * null in the profile `embedded`. Rejects when this node must not serve: another one is bound, or this one was
 * forgotten.
 */
export async function openSharedNode(
  config: Config,
  store: RecordStore & ClusterStore & ProfileStore,
  logger: Logger,
  onCatalogNews: () => void,
  onFatal: (error: Error) => void,
): Promise<SharedNode | null> {
  const { profile, redisUrl: url } = config;
  if (profile === 'embedded' || url === null) return null;
  const identity = nodeIdentity(config.dataDir);
  const { nodeId, startId, host } = identity;
  // Several installations may share one Redis; this one is named by its record store.
  const installation = await store.keepFact('installation', randomBytes(6).toString('hex'));
  const refused = admissionProblem(await store.admitNode(nodeId, profile), nodeId, profile);
  if (refused !== null) throw new Error(refused);
  const troubles = new Troubles(
    () => realClock.nowMs(),
    ({ what, detail, times }) => logger.warn({ detail, times }, what),
  );
  const onTrouble = (what: string, error: unknown, where?: string): void => troubles.met(what, error, where);
  const redis = new RedisConnection({ url });
  const ledger = new RedisShardLedger({ url, installation, ...upAndDown(logger), onTrouble });
  const opened = [ledger.connect(CONNECT_MS), redis.connect(CONNECT_MS)];
  const base = { ledger, nodeId, startId };
  if (profile === 'single') {
    const registry = new NodeRegistry(store, identity, (detail) => onFatal(new Error(detail)));
    if (!(await registry.register())) throw new Error(`node ${nodeId} was forgotten`);
    await settled(opened, logger);
    const stopBeating = registry.beatAlone(realClock, (detail) =>
      onTrouble('the record store could not be told that this node lives', detail),
    );
    const stop = async (): Promise<void> => {
      await stopBeating().catch((error: unknown) =>
        onTrouble('the record store could not be told of the stop', error),
      );
      await Promise.all([ledger.disconnect(), redis.disconnect()]);
    };
    return { node: { profile, ...base }, installation, redis, bell: null, onTrouble, stop };
  }
  const bell = new CatalogBell({ url, installation, speaker: redis, onRing: onCatalogNews, onTrouble });
  await settled([...opened, bell.connect(CONNECT_MS)], logger);
  const { redisWaitReplicas: waitReplicas, seatTtlMs } = config;
  const node: ClusterNode = {
    profile,
    ...base,
    host,
    redisUrl: url,
    installation,
    waitReplicas,
    seatTtlMs,
    onCatalogBehind: onCatalogNews,
    onTrouble,
  };
  const stop = async (): Promise<void> => {
    await Promise.all([ledger.disconnect(), redis.disconnect(), bell.disconnect()]);
  };
  return { node, installation, redis, bell, onTrouble, stop };
}

async function settled(opened: readonly Promise<void>[], logger: Logger): Promise<void> {
  for (const outcome of await Promise.allSettled(opened)) {
    if (outcome.status === 'fulfilled') continue;
    logger.error({ err: outcome.reason }, 'Redis is not reachable yet');
    return;
  }
}

function upAndDown(logger: Logger): { onUp: () => void; onDown: (reason: string) => void } {
  let down = false;
  return {
    onUp: () => {
      if (down) logger.info('Redis is back');
      down = false;
    },
    onDown: (reason) => {
      if (!down) logger.warn({ reason }, 'Redis is not reachable');
      down = true;
    },
  };
}
