/**
 * The flusher thread: follows every log behind its synced position into the record store.
 *
 * It sleeps on the signal word until an owner has synced more, then goes round the logs while there is work, at the pace
 * that flush-pace.ts sets: a crowd has the right of way. A store that fails is tried again with a growing pause; a row or
 * a code that contradicts the log stops that log loudly, because storing it would make the damage look like truth.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { claimsByTemplate } from '../claimlog/claims-by-template.ts';
import { CodeCheck } from '../claimlog/code-check.ts';
import { fileDisk } from '../claimlog/disk.ts';
import { ENTRY_BYTES } from '../claimlog/entry.ts';
import { FlushPace } from '../claimlog/flush-pace.ts';
import { FlushTrack } from '../claimlog/flush-track.ts';
import { LogRetention } from '../claimlog/log-retention.ts';
import { CodeBook } from '../domain/codes.ts';
import type { CommitOutcome, RecordStore } from '../ports.ts';
import { Unavailable } from '../problems.ts';
import { LogPosition } from '../rings/layout.ts';
import { stepBehindClaims } from './background-priority.ts';
import { firstWrongCode } from './flush-check.ts';
import type { FlusherData, FromFlusher, ToFlusher } from './flusher-messages.ts';
import { RECORDS_CALLS } from './records-calls.ts';
import { remote } from './rpc.ts';
import { CpuTeller } from './thread-cpu.ts';

const SWEEP_MS = 5_000;
/** For so long after somebody has asked for it. */
const HURRY_MS = 250;
const IDLE_WAIT_MS = 1_000;
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 5_000;

const COMMITTED: CommitOutcome = { kind: 'committed' };

interface Log {
  readonly track: FlushTrack;
  positions: Int32Array | null;
  /** Known once the log has ended. */
  end: number | null;
  stuck: boolean;
}

stepBehindClaims();
const data = workerData as FlusherData;
const store = remote<RecordStore>(data.store, RECORDS_CALLS);
const check = new CodeCheck(new CodeBook(data.codeKey), data.extents);
const retention = new LogRetention(fileDisk, data.logRoot, data.segmentKeepMs);
const signal = new Int32Array(data.signal);
const cpu = new CpuTeller(data.cpu);
const pace = new FlushPace(data.waitingMax);
const logs = new Map<number, Log>();
let stopping = false;
let hurryUntilMs = 0;
let retryMs = RETRY_MS_MIN;

function tell(message: FromFlusher): void {
  parentPort!.postMessage(message);
}

function syncedOffset(log: Log): number {
  if (log.end !== null) return log.end;
  return (Atomics.load(log.positions!, LogPosition.synced) >>> 0) * ENTRY_BYTES;
}

function take(message: ToFlusher): void {
  switch (message.kind) {
    case 'follow': {
      const track = new FlushTrack(fileDisk, data.logRoot, message.logId, message.watermark);
      logs.set(message.logId, {
        track,
        positions: new Int32Array(message.positions),
        end: null,
        stuck: false,
      });
      break;
    }
    case 'ended': {
      const log = logs.get(message.logId);
      if (log !== undefined) {
        log.end = message.end;
        // Sealing may have replaced the file that is open.
        log.track.retry();
      } else {
        const track = new FlushTrack(fileDisk, data.logRoot, message.logId, message.watermark);
        logs.set(message.logId, { track, positions: null, end: message.end, stuck: false });
      }
      break;
    }
    case 'extent':
      check.add(message.extent);
      break;
    case 'hurry':
      hurryUntilMs = performance.now() + HURRY_MS;
      break;
    case 'stop':
      stopping = true;
      break;
  }
  Atomics.add(signal, 0, 1);
  Atomics.notify(signal, 0);
}
parentPort!.on('message', take);

/** A store that is away has a reason; anything else is a fault, and where it happened matters. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof Unavailable ? error.message : (error.stack ?? error.message);
}

/** Flushes one batch of a log; how many entries it stored, or -1 when the store must be given time. */
async function flushOne(log: Log, entriesMax: number): Promise<number> {
  const batch = log.track.next(syncedOffset(log), entriesMax);
  if (batch === null) return 0;
  const wrong = firstWrongCode(check, batch.entries, parentPort!, take);
  if (wrong !== null) {
    throw new Error(`template ${wrong.templateId} serial ${wrong.serial}: ${wrong.detail}`);
  }
  try {
    const outcome = log.track.isStored(batch) ? COMMITTED : await store.commitClaims(batch);
    log.track.settle(batch, outcome);
    retryMs = RETRY_MS_MIN;
    if (outcome.kind === 'committed') {
      tell({
        kind: 'flushed',
        logId: batch.logId,
        watermark: batch.toOffset,
        // What was stored before, as of a log that is flushed again, was counted then.
        counts: claimsByTemplate(outcome.fresh ?? batch.entries),
      });
    }
    return Math.max(1, batch.entries.length / ENTRY_BYTES);
  } catch (error) {
    if (error instanceof Error && error.name === 'FlushConflict') throw error;
    log.track.retry();
    tell({ kind: 'delayed', detail: describe(error) });
    return -1;
  }
}

/** A batch of each log, until so many entries are stored; whoever had its turn comes last the next time. */
async function round(entriesMax: number): Promise<void> {
  let stored = 0;
  for (const [logId, log] of [...logs]) {
    if (log.stuck) continue;
    if (stored >= entriesMax) return;
    const from = log.track.watermark;
    const startMs = performance.now();
    try {
      const n = await flushOne(log, entriesMax - stored);
      if (n < 0) {
        await pause(retryMs * (0.5 + Math.random() / 2));
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
      } else if (n > 0) {
        stored += n;
        pace.took(Math.max(0, log.track.watermark - from) / ENTRY_BYTES, startMs);
        logs.delete(logId);
        logs.set(logId, log);
      }
    } catch (error) {
      log.stuck = true;
      tell({
        kind: 'stuck',
        logId: log.track.logId,
        detail: error instanceof Error ? error.message : String(error),
      });
    }
  }
}

/** What is synced and not stored, in entries; frames have headers, so it is a little more than there are. */
function waiting(): { readonly entries: number; readonly hasEnded: boolean } {
  let bytes = 0;
  let hasEnded = false;
  for (const log of logs.values()) {
    const left = log.stuck ? 0 : syncedOffset(log) - log.track.watermark;
    if (left <= 0) continue;
    bytes += left;
    // What an earlier life left behind is no crowd: the sooner it is stored, the sooner the log may go.
    if (log.end !== null) hasEnded = true;
  }
  return { entries: bytes / ENTRY_BYTES, hasEnded };
}

function sweep(): void {
  const nowMs = Date.now();
  for (const [logId, log] of logs) {
    const ended = log.end !== null && log.track.watermark >= log.end;
    try {
      retention.sweep(logId, log.track.watermark, ended, nowMs);
    } catch (error) {
      tell({ kind: 'delayed', detail: `old segments could not be removed: ${String(error)}` });
    }
    if (ended && fileDisk.list(data.logRoot).every((name) => Number(name) !== logId)) {
      log.track.close();
      logs.delete(logId);
    }
  }
  cpu.tell();
}

async function run(): Promise<void> {
  tell({ kind: 'ready' });
  let sweptMs = Date.now();
  for (;;) {
    const seen = Atomics.load(signal, 0);
    const wasStopping = stopping;
    const { entries, hasEnded } = waiting();
    pace.see(entries, performance.now());
    const nowMs = performance.now();
    const step = pace.next(nowMs, wasStopping || hasEnded || nowMs < hurryUntilMs);
    if (step.kind === 'store') await round(step.entriesMax);
    else if (step.kind === 'idle' && wasStopping) break;
    if (Date.now() - sweptMs > SWEEP_MS) {
      sweptMs = Date.now();
      sweep();
    }
    cpu.tell();
    if (step.kind === 'rest') await pause(step.ms);
    else if (step.kind === 'idle') {
      const wait = Atomics.waitAsync(signal, 0, seen, IDLE_WAIT_MS);
      if (wait.async) await wait.value;
    }
  }
  for (const log of logs.values()) log.track.close();
  tell({ kind: 'stopped' });
  parentPort!.close();
  store.disconnect();
}

void run();
