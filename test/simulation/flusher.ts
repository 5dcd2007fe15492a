/** The flusher thread, as workers/flusher-entry.ts has it: one batch on its way at a time, round and round the logs. */
import { ENTRY_WORDS, entryWords } from '../../src/claimlog/entry.ts';
import { FlushTrack } from '../../src/claimlog/flush-track.ts';
import { LogRetention } from '../../src/claimlog/log-retention.ts';
import type { ClaimBatch, CommitOutcome } from '../../src/ports.ts';
import { simCodes } from './catalog.ts';
import { Injected } from './faults.ts';
import { LOG_ROOT } from './log-root.ts';
import type { FollowedLog, Process } from './process.ts';

const GATHER_US = 20_000;
const IDLE_US = 1_000_000;
const SWEEP_US = 100_000;

interface Tracked {
  readonly track: FlushTrack;
  log: FollowedLog;
}

export class Flusher {
  private alive = true;
  private readonly process: Process;
  private readonly logs = new Map<number, Tracked>();
  private readonly retention: LogRetention;
  private queue: Tracked[] = [];
  private stored = 0;
  private signals = 0;
  private sleeping = false;
  private sweptUs = 0;

  constructor(process: Process) {
    this.process = process;
    const { disk, segmentKeepMs } = process.world;
    this.retention = new LogRetention(disk, LOG_ROOT, segmentKeepMs);
    for (const [logId, log] of process.logs) this.follow(logId, log);
    this.pause(GATHER_US);
  }

  follow(logId: number, log: FollowedLog): void {
    const { disk } = this.process.world;
    this.logs.set(logId, { track: new FlushTrack(disk, LOG_ROOT, logId, log.watermark), log });
  }

  ended(logId: number, log: FollowedLog): void {
    const known = this.logs.get(logId);
    if (known === undefined) this.follow(logId, log);
    else known.track.retry();
    this.signal();
  }

  /** An owner has synced more. */
  signal(): void {
    this.signals++;
    if (!this.sleeping) return;
    this.sleeping = false;
    this.pause(this.process.world.random.between(50, 2_000));
  }

  kill(): void {
    if (!this.alive) return;
    this.alive = false;
    this.process.world.faults.seen('flusherKilled');
    this.process.later(this.process.world.random.between(5_000, 100_000), () => {
      this.process.flusher = new Flusher(this.process);
    });
  }

  private pause(delayUs: number): void {
    this.process.later(delayUs, () => {
      if (this.alive) this.round();
    });
  }

  private round(): void {
    this.queue = [...this.logs.values()];
    this.stored = 0;
    this.next();
  }

  private next(): void {
    try {
      for (let tracked = this.queue.shift(); tracked !== undefined; tracked = this.queue.shift()) {
        if (this.flushOne(tracked)) return;
      }
      const { scheduler } = this.process.world;
      if (scheduler.nowUs - this.sweptUs > SWEEP_US) {
        this.sweptUs = scheduler.nowUs;
        this.sweep();
      }
    } catch (error) {
      if (!(error instanceof Injected)) throw error;
      this.kill();
      return;
    }
    if (this.stored > 0) this.pause(GATHER_US);
    else {
      this.sleeping = true;
      const seen = this.signals;
      this.process.later(IDLE_US, () => {
        if (this.signals === seen && this.alive) this.signal();
      });
    }
  }

  private flushOne(tracked: Tracked): boolean {
    const { world } = this.process;
    const { track, log } = tracked;
    const limit = log.end ?? world.parts.flushLimit(log.life!.synced, log.life!.log!);
    const batch = track.next(limit, 64);
    if (batch === null) return false;
    checkCodes(batch);
    if (track.isStored(batch)) {
      this.settle(tracked, batch, { kind: 'committed' });
      return true;
    }
    world.store.submit(batch, (outcome) => {
      if (this.alive && this.process.alive) this.settle(tracked, batch, outcome);
    });
    return true;
  }

  private settle({ track, log }: Tracked, batch: ClaimBatch, outcome: CommitOutcome | Error): void {
    if (outcome instanceof Error) {
      track.retry();
      this.stored++;
      this.process.later(this.process.world.random.between(5_000, 50_000), () => {
        if (this.alive) this.next();
      });
      return;
    }
    track.settle(batch, outcome);
    log.watermark = track.watermark;
    this.stored++;
    this.next();
  }

  private sweep(): void {
    const { world } = this.process;
    for (const [logId, { track, log }] of this.logs) {
      const ended = log.end !== null && track.watermark >= log.end;
      const removed = this.retention.sweep(logId, track.watermark, ended, world.nowMs);
      for (let i = 0; i < removed; i++) world.faults.seen('segmentsRemoved');
      if (ended && !world.disk.list(LOG_ROOT).some((name) => Number(name) === logId)) {
        track.close();
        this.logs.delete(logId);
        this.process.logs.delete(logId);
      }
    }
  }

  /** Whether all that is durable in the logs is in the record store. */
  get drained(): boolean {
    for (const { track, log } of this.logs.values()) {
      if (track.watermark < (log.end ?? log.life!.log!.end)) return false;
    }
    return true;
  }
}

function checkCodes({ entries }: ClaimBatch): void {
  const words = entryWords(entries);
  for (let at = 0; at < words.length; at += ENTRY_WORDS) {
    const code = (words[at + 6] & 0xffff) * 0x1_0000_0000 + words[at + 5];
    if (code !== simCodes.valueOf(words[at], words[at + 1])) {
      throw new Error(`template ${words[at]} serial ${words[at + 1]} was logged with another unit's code`);
    }
  }
}
