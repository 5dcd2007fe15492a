/** When an owner's log is synced, and who is told how far it is. */
import { ENTRY_BYTES } from '../claimlog/entry.ts';
import type { LogWriter } from '../claimlog/log-writer.ts';
import { LogPosition, OwnerFigure } from '../rings/layout.ts';

/** With LOG_SYNC=os nobody waits for syncs, but the flusher may only take what is synced. */
const BACKGROUND_SYNC_MS = 25;

export interface LogSyncOptions {
  readonly log: LogWriter;
  /** LOG_SYNC=always: somebody waits for each sync. */
  readonly always: boolean;
  /** rings/layout.ts, LogPosition. */
  readonly positions: Int32Array;
  readonly flushSignal: Int32Array;
  readonly figures: Float64Array;
  /** Runs a step of the life; what it throws ends the life. */
  readonly step: (body: () => void) => void;
  readonly onSynced: () => void;
  /** All that the shard's claims need of this log is synced. */
  readonly onQuiesced: (shard: number) => void;
}

export class LogSync {
  private readonly options: LogSyncOptions;
  private timer: NodeJS.Timeout | null = null;
  /** Shards that were left, with the log's end of then: told once that is synced. */
  private readonly leaving: { readonly shard: number; readonly end: number }[] = [];

  constructor(options: LogSyncOptions) {
    this.options = options;
  }

  /** Something was appended. */
  want(): void {
    const { log, always, step } = this.options;
    if (log.isSyncing) return;
    if (always) this.start();
    else this.timer ??= setTimeout(() => step(() => this.start()), BACKGROUND_SYNC_MS);
  }

  start(): void {
    const { log, positions, flushSignal, figures, step, onSynced } = this.options;
    this.stop();
    if (log.isSyncing || log.synced === log.end) return;
    const startMs = performance.now();
    log.startSync((error) =>
      step(() => {
        if (error !== null) throw error;
        figures[OwnerFigure.syncs]++;
        figures[OwnerFigure.syncSeconds] += (performance.now() - startMs) / 1000;
        Atomics.store(positions, LogPosition.end, log.end / ENTRY_BYTES);
        Atomics.store(positions, LogPosition.synced, log.synced / ENTRY_BYTES);
        Atomics.add(flushSignal, 0, 1);
        Atomics.notify(flushSignal, 0);
        onSynced();
        this.tellQuiesced();
        if (log.synced < log.end) this.want();
      }),
    );
  }

  quiesced(shard: number): void {
    const { log } = this.options;
    this.leaving.push({ shard, end: log.end });
    if (log.synced < log.end) this.start();
    this.tellQuiesced();
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private tellQuiesced(): void {
    const { log, onQuiesced } = this.options;
    while (this.leaving.length > 0 && this.leaving[0].end <= log.synced)
      onQuiesced(this.leaving.shift()!.shard);
  }
}
