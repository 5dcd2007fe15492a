/**
 * The flusher thread: follows every log behind its synced position into the record store.
 *
 * It sleeps on the signal word until an owner has synced more, then goes round the logs while there is work. A store
 * that fails is tried again with a growing pause; a row or a code that contradicts the log stops that log loudly,
 * because storing it would make the damage look like truth.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { CodeCheck } from '../claimlog/code-check.ts';
import { fileDisk } from '../claimlog/disk.ts';
import { ENTRY_BYTES, ENTRY_WORDS, entryWords } from '../claimlog/entry.ts';
import { FlushTrack } from '../claimlog/flush-track.ts';
import { LogRetention } from '../claimlog/log-retention.ts';
import { CodeBook } from '../domain/codes.ts';
import { FLUSH_BATCH_ENTRIES_MAX } from '../limits.ts';
import type { ClaimBatch, CommitOutcome, RecordStore } from '../ports.ts';
import { LogPosition } from '../rings/layout.ts';
import { stepBehindClaims } from './background-priority.ts';
import type { FlusherData, FromFlusher, ToFlusher } from './flusher-messages.ts';
import { remote } from './rpc.ts';
import { threadCpuSeconds } from './thread-cpu.ts';

const SWEEP_MS = 5_000;
const IDLE_WAIT_MS = 1_000;
/** Between two rounds that found little: lets small batches grow, because a transaction costs two syncs. */
const GATHER_MS = 20;
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
const store = remote<RecordStore>(data.store);
const check = new CodeCheck(new CodeBook(data.codeKey), data.extents);
const retention = new LogRetention(fileDisk, data.logRoot, data.segmentKeepMs);
const signal = new Int32Array(data.signal);
const figures = new Float64Array(data.cpu);
const logs = new Map<number, Log>();
let stopping = false;
let retryMs = RETRY_MS_MIN;

function tell(message: FromFlusher): void {
  parentPort!.postMessage(message);
}

function syncedOffset(log: Log): number {
  if (log.end !== null) return log.end;
  return (Atomics.load(log.positions!, LogPosition.synced) >>> 0) * ENTRY_BYTES;
}

parentPort!.on('message', (message: ToFlusher) => {
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
    case 'stop':
      stopping = true;
      break;
  }
  Atomics.add(signal, 0, 1);
  Atomics.notify(signal, 0);
});

function countByTemplate(batch: ClaimBatch): [number, number][] {
  const counts = new Map<number, number>();
  const words = entryWords(batch.entries);
  for (let at = 0; at < words.length; at += ENTRY_WORDS)
    counts.set(words[at], (counts.get(words[at]) ?? 0) + 1);
  return [...counts];
}

/** Flushes one batch of a log; how many entries it stored, or -1 when the store must be given time. */
async function flushOne(log: Log): Promise<number> {
  const batch = log.track.next(syncedOffset(log), FLUSH_BATCH_ENTRIES_MAX);
  if (batch === null) return 0;
  const [wrong] = check.wrongCodes(batch.entries);
  if (wrong !== undefined) {
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
        counts: countByTemplate(batch),
      });
    }
    return Math.max(1, batch.entries.length / ENTRY_BYTES);
  } catch (error) {
    if (error instanceof Error && error.name === 'FlushConflict') throw error;
    log.track.retry();
    tell({ kind: 'delayed', detail: String(error) });
    return -1;
  }
}

async function round(): Promise<number> {
  let stored = 0;
  for (const log of logs.values()) {
    if (log.stuck) continue;
    try {
      const n = await flushOne(log);
      if (n < 0) {
        await pause(retryMs * (0.5 + Math.random() / 2));
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
        stored++;
      } else stored += n;
    } catch (error) {
      log.stuck = true;
      tell({
        kind: 'stuck',
        logId: log.track.logId,
        detail: error instanceof Error ? error.message : String(error),
      });
    }
  }
  return stored;
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
  figures[0] = threadCpuSeconds();
}

async function run(): Promise<void> {
  tell({ kind: 'ready' });
  let sweptMs = Date.now();
  for (;;) {
    const seen = Atomics.load(signal, 0);
    const wasStopping = stopping;
    const stored = await round();
    if (stored === 0 && wasStopping) break;
    if (Date.now() - sweptMs > SWEEP_MS) {
      sweptMs = Date.now();
      sweep();
    }
    figures[0] = threadCpuSeconds();
    if (stored === 0) {
      const wait = Atomics.waitAsync(signal, 0, seen, IDLE_WAIT_MS);
      if (wait.async) await wait.value;
    } else if (stored < FLUSH_BATCH_ENTRIES_MAX / 4 && !stopping) await pause(GATHER_MS);
  }
  for (const log of logs.values()) log.track.close();
  tell({ kind: 'stopped' });
  parentPort!.close();
  store.disconnect();
}

void run();
