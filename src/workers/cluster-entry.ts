/**
 * The cluster thread: the coordination of cluster/ with a real clock, real logs, its own connection to Redis, and the
 * main thread at the other end of the port. It has a thread of its own so that nothing delays its heartbeats.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { fileDisk } from '../claimlog/disk.ts';
import { ENTRY_BYTES } from '../claimlog/entry.ts';
import { Coordinator } from '../cluster/coordinator.ts';
import { LocalLogs } from '../cluster/local-logs.ts';
import type { MainLink } from '../cluster/main-link.ts';
import { Troubles } from '../cluster/troubles.ts';
import { RedisShardLedger } from '../ledger/redis/redis-shard-ledger.ts';
import type { RecordStore } from '../ports.ts';
import type { ClusterStore } from '../ports-cluster.ts';
import { LogPosition } from '../rings/layout.ts';
import type { ClusterData, FromCluster, ToCluster } from './cluster-messages.ts';
import { realClock } from './real-clock.ts';
import { RECORDS_CALLS } from './records-calls.ts';
import { remote } from './rpc.ts';
import { CpuTeller } from './thread-cpu.ts';

const FIGURES_MS = 250;

const data = workerData as ClusterData;
const cpu = new CpuTeller(data.cpu);
setInterval(() => cpu.tell(), FIGURES_MS).unref();

function tell(message: FromCluster): void {
  parentPort!.postMessage(message);
}

/** Main's answers come in the order it was asked, shard by shard. */
class Answers {
  private readonly waiting = new Map<number, () => void>();

  of(shard: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.set(shard, resolve);
    });
  }

  came(shard: number): void {
    this.waiting.get(shard)?.();
    this.waiting.delete(shard);
  }
}

const quiesced = new Answers();
const tookIn = new Answers();

const main: MainLink = {
  suspend: async (shard, reason) => {
    tell({ kind: 'suspend', shard, reason });
    await quiesced.of(shard);
  },
  takeIn: async (shard, entries) => {
    tell({ kind: 'takeIn', shard, entries });
    await tookIn.of(shard);
  },
  open: (seat, head, follow) => tell({ kind: 'open', seat, head, follow }),
  watermark: (shard, incarnation, position, counts) =>
    tell({ kind: 'watermark', shard, incarnation, position, counts }),
  state: (state) => tell({ kind: 'state', state }),
  trouble: (trouble) => tell({ kind: 'trouble', trouble }),
  oldLogsStored: (logIds) => tell({ kind: 'oldLogsStored', logIds }),
  fatal: (detail) => tell({ kind: 'fatal', detail }),
};

const store = remote<RecordStore & ClusterStore>(data.store, RECORDS_CALLS);
const troubles = new Troubles(() => realClock.nowMs(), main.trouble);
const ledger = new RedisShardLedger({
  url: data.redisUrl,
  installation: data.installation,
  onTrouble: (what, error) => troubles.met(what, error),
});
const logs = new LocalLogs(fileDisk, data.logRoot, data.oldLogs);
const coordinator = new Coordinator({
  identity: { nodeId: data.nodeId, startId: data.startId, host: data.host },
  clock: realClock,
  store,
  ledger,
  logs,
  main,
  codeKey: data.codeKey,
  seatTtlMs: data.seatTtlMs,
});

parentPort!.on('message', (message: ToCluster) => {
  switch (message.kind) {
    case 'lost':
      return coordinator.met(message.shard, (keeper) => keeper.lost(message.incarnation));
    case 'fenced':
      return coordinator.met(message.shard, (keeper) => keeper.fenced(message.epoch));
    case 'cutOff':
      return coordinator.met(message.shard, (keeper) => keeper.cutOff(message.incarnation));
    case 'applied':
      return coordinator.keepers[message.shard].applied(message.incarnation, message.position);
    case 'ownerStarts':
      return coordinator.ownerStarts(message.stored);
    case 'quiesced':
      return quiesced.came(message.shard);
    case 'tookIn':
      return tookIn.came(message.shard);
    case 'extent':
      return coordinator.extent(message.extent);
    case 'log': {
      const positions = new Int32Array(message.positions);
      return logs.live(
        message.logId,
        () => (Atomics.load(positions, LogPosition.synced) >>> 0) * ENTRY_BYTES,
      );
    }
    case 'logEnded':
      return logs.ended(message.logId, message.end);
    case 'logRemoved':
      return logs.removed(message.logId);
    case 'stop':
      void stop(message.patienceMs);
  }
});

async function stop(patienceMs: number): Promise<void> {
  const settled = await coordinator.stop(patienceMs);
  await ledger.disconnect();
  tell({ kind: 'stopped', settled });
  parentPort!.close();
  store.disconnect();
}

// It goes on trying until it is told to disconnect.
ledger.connect().catch((error: unknown) => troubles.met('Redis is not reachable yet', error));
await coordinator.start();
tell({ kind: 'ready' });
