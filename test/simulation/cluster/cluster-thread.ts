/** The cluster thread of a node, as workers/cluster-entry.ts has it. */
import { ENTRY_BYTES } from '../../../src/claimlog/entry.ts';
import { Coordinator } from '../../../src/cluster/coordinator.ts';
import { type EndedLog, LocalLogs } from '../../../src/cluster/local-logs.ts';
import type { MainLink } from '../../../src/cluster/main-link.ts';
import { LogPosition } from '../../../src/rings/layout.ts';
import type { FromCluster, ToCluster } from '../../../src/workers/cluster-messages.ts';
import { LOG_ROOT } from '../log-root.ts';
import { Channel } from '../scheduler.ts';
import { CODE_KEY } from './codes.ts';
import type { SimProcess } from './sim-process.ts';
import { Thread } from './thread.ts';

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

export class ClusterThread {
  readonly coordinator: Coordinator;
  private readonly thread: Thread;
  private readonly process: SimProcess;
  private readonly logs: LocalLogs;
  private readonly quiesced = new Answers();
  private readonly tookIn = new Answers();
  private readonly toMain: Channel;
  private readonly fromMain: Channel;
  private readonly onMessage: (message: FromCluster) => void;

  constructor(
    process: SimProcess,
    startId: string,
    oldLogs: readonly EndedLog[],
    onMessage: (message: FromCluster) => void,
  ) {
    this.process = process;
    this.onMessage = onMessage;
    this.thread = new Thread(process);
    const { world, node } = process;
    const delayUs = () => world.random.skewed(20, 2_000);
    this.toMain = new Channel(world.scheduler, delayUs);
    this.fromMain = new Channel(world.scheduler, delayUs);
    this.logs = new LocalLogs(node.disk, LOG_ROOT, oldLogs);
    this.coordinator = new Coordinator({
      identity: { nodeId: node.id, startId, host: node.id },
      clock: this.thread.clock,
      store: world.records.client(this.thread, node.id),
      ledger: world.redis.ledger(this.thread, node.id),
      logs: this.logs,
      main: this.main(),
      codeKey: CODE_KEY,
    });
    this.coordinator.start().then(
      () => this.tell({ kind: 'ready' }),
      (error: unknown) => process.failed(error),
    );
  }

  private tell(message: FromCluster): void {
    this.toMain.send(() => this.process.main.enter(() => this.onMessage(message)));
  }

  private main(): MainLink {
    return {
      suspend: async (shard, reason) => {
        this.tell({ kind: 'suspend', shard, reason });
        if (this.process.world.parts.waitsForOwners) await this.quiesced.of(shard);
      },
      takeIn: async (shard, entries) => {
        this.tell({ kind: 'takeIn', shard, entries });
        await this.tookIn.of(shard);
      },
      open: (seat, head, follow) => this.tell({ kind: 'open', seat, head, follow }),
      watermark: (shard, incarnation, position, counts) =>
        this.tell({ kind: 'watermark', shard, incarnation, position, counts }),
      state: (state) => this.tell({ kind: 'state', state }),
      trouble: (trouble) => this.tell({ kind: 'trouble', trouble }),
      oldLogsStored: (logIds) => this.tell({ kind: 'oldLogsStored', logIds }),
      fatal: (detail) => this.tell({ kind: 'fatal', detail }),
    };
  }

  send(message: ToCluster): void {
    this.fromMain.send(() => this.thread.enter(() => this.take(message)));
  }

  private take(message: ToCluster): void {
    const { coordinator, logs } = this;
    switch (message.kind) {
      case 'lost':
        return coordinator.met(message.shard, (keeper) => keeper.lost(message.incarnation));
      case 'fenced':
        return coordinator.met(message.shard, (keeper) => keeper.fenced(message.epoch));
      case 'cutOff':
        this.process.world.faults.seen('cutOff');
        return coordinator.met(message.shard, (keeper) => keeper.cutOff(message.incarnation));
      case 'applied':
        return coordinator.keepers[message.shard].applied(message.incarnation, message.position);
      case 'ownerStarts':
        return coordinator.ownerStarts(message.stored);
      case 'quiesced':
        return this.quiesced.came(message.shard);
      case 'tookIn':
        return this.tookIn.came(message.shard);
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
        this.process.world.faults.seen('logsRemoved');
        return logs.removed(message.logId);
      case 'stop':
        void this.stop(message.patienceMs);
    }
  }

  private async stop(patienceMs: number): Promise<void> {
    const settled = await this.coordinator.stop(patienceMs);
    this.tell({ kind: 'stopped', settled });
  }
}
