/** What the profiles `single` and `cluster` need beyond `embedded`: who this node is, and the ledger it shares. */
import { randomBytes } from 'node:crypto';
import os from 'node:os';
import { nodeIdentity } from '../cluster/node-identity.ts';
import type { Config } from '../config.ts';
import type { ClusterNode, SingleNode } from '../engine/engine.ts';
import { RedisShardLedger } from '../ledger/redis/redis-shard-ledger.ts';
import type { Logger } from '../logger.ts';
import type { RecordStore } from '../ports.ts';

const CONNECT_MS = 3_000;

export interface SharedNode {
  readonly node: SingleNode | ClusterNode;
  readonly installation: string;
  readonly ledger: RedisShardLedger;
}

/** null in the profile `embedded`. A Redis that is away is no reason not to start: it is waited for behind. */
export async function openSharedNode(
  config: Config,
  store: Pick<RecordStore, 'keepFact'>,
  logger: Logger,
  onCatalogBehind: () => void,
): Promise<SharedNode | null> {
  const { profile, redisUrl } = config;
  if (profile === 'embedded' || redisUrl === null) return null;
  const { nodeId, startId } = nodeIdentity(config.dataDir);
  // Several installations may share one Redis; this one is named by its record store.
  const installation = await store.keepFact('installation', randomBytes(6).toString('hex'));
  let down = false;
  const ledger = new RedisShardLedger({
    url: redisUrl,
    installation,
    onUp: () => {
      if (down) logger.info('Redis is back');
      down = false;
    },
    onDown: (reason) => {
      if (!down) logger.warn({ reason }, 'Redis is not reachable');
      down = true;
    },
  });
  await ledger
    .connect(CONNECT_MS)
    .catch((error: unknown) => logger.error({ err: error }, 'Redis is not reachable yet'));
  const base = { ledger, nodeId, startId };
  if (profile === 'single') return { node: { profile, ...base }, installation, ledger };
  const { redisWaitReplicas: waitReplicas } = config;
  const node: ClusterNode = {
    profile,
    ...base,
    host: os.hostname(),
    redisUrl,
    installation,
    waitReplicas,
    onCatalogBehind,
  };
  return { node, installation, ledger };
}
