/**
 * The flusher thread as main sees it: the built thread itself, logs on disk, and a SQLite store behind a port. What it
 * reports, what it goes on with after its death, and how it ends.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { MessagePort, Worker } from 'node:worker_threads';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileDisk } from '../../src/claimlog/disk.ts';
import { ENTRY_BYTES, ENTRY_WORDS, writeEntry } from '../../src/claimlog/entry.ts';
import { HEADER_WORDS } from '../../src/claimlog/frame.ts';
import { LogWriter } from '../../src/claimlog/log-writer.ts';
import { CodeBook } from '../../src/domain/codes.ts';
import type { CodeExtent } from '../../src/domain/template.ts';
import type { FlusherLink } from '../../src/engine/flusher-link.ts';
import type { ClaimBatch, CommitOutcome } from '../../src/ports.ts';
import { Unavailable } from '../../src/problems.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { FLUSH_SIGNAL_BYTES, LOG_POSITION_BYTES, LogPosition } from '../../src/rings/layout.ts';
import { serveCalls } from '../../src/workers/rpc.ts';
import { template } from '../records/samples.ts';
import { until, within } from '../support/wait.ts';

/** Worker files must be JavaScript. */
const BUILT = new URL('../../dist/src/engine/flusher-link.js', import.meta.url).href;
const CODE_KEY = new Uint8Array(16).fill(7);
const TOTAL = 1000;
const SEGMENT_BYTES = 1024 * 1024;

/** The store as the flusher reaches it, which the test may take away. */
class Shelf {
  isAway = false;
  isSilent = false;
  readonly commits: ClaimBatch[] = [];
  private readonly store: SqliteStore;

  constructor(store: SqliteStore) {
    this.store = store;
  }

  async commitClaims(batch: ClaimBatch): Promise<CommitOutcome> {
    if (this.isSilent) return new Promise<never>(() => {});
    if (this.isAway) throw new Unavailable('the database is away');
    const outcome = await this.store.commitClaims(batch);
    this.commits.push(batch);
    return outcome;
  }
}

let root: string;
let store: SqliteStore;
let shelf: Shelf;
let link: FlusherLink;
let extent: CodeExtent;
let flushed: number;
const book = new CodeBook(CODE_KEY);
const signal = new SharedArrayBuffer(FLUSH_SIGNAL_BYTES);
const ports: MessagePort[] = [];
const warnings: string[] = [];

beforeEach(async () => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-flusher-'));
  store = new SqliteStore(path.join(root, 'records.db'));
  shelf = new Shelf(store);
  const request = { firstSerial: 0, length: TOTAL, spaces: [{ space: '0703101112', size: 10_000 }] };
  const saved = await store.saveTemplate(template({ total: TOTAL }), request, null);
  if (saved.kind !== 'saved' || saved.extent === null) throw new Error(saved.kind);
  extent = saved.extent;
  flushed = 0;
  warnings.length = 0;
  const { FlusherLink: Link } = (await import(BUILT)) as { FlusherLink: typeof FlusherLink };
  link = new Link({
    logRoot: root,
    codeKey: CODE_KEY,
    segmentKeepMs: 600_000,
    waitingMax: 1_000_000,
    signal,
    connectStore: (port) => {
      ports.push(port);
      serveCalls(port, shelf);
    },
    extents: () => [extent],
    onFlushed: (counts) => {
      for (const [templateId, count] of counts) {
        expect(templateId).toBe(extent.templateId);
        flushed += count;
      }
    },
    logger: pino({ level: 'warn' }, { write: (line: string) => warnings.push(line) }),
  });
  link.start();
});

afterEach(async () => {
  await link.stop(100);
  for (const port of ports.splice(0)) port.close();
  await store.close();
  fs.rmSync(root, { recursive: true });
});

/** A log that an owner writes. */
class OwnerLog {
  readonly id: number;
  readonly positions = new SharedArrayBuffer(LOG_POSITION_BYTES);
  private readonly log: LogWriter;

  constructor(id: number) {
    this.id = id;
    this.log = new LogWriter(fileDisk, root, id, SEGMENT_BYTES);
  }

  /** One frame with claims of these serials, not synced. */
  append(from: number, count: number, wrongCodes = false): this {
    const lo = new Uint32Array(count);
    const hi = new Uint16Array(count);
    book.fill(extent, from, count, lo, hi, 0);
    const words = new Uint32Array(HEADER_WORDS + count * ENTRY_WORDS);
    for (let i = 0; i < count; i++) {
      const code = lo[i] ^ (wrongCodes ? 1 : 0);
      const at = HEADER_WORDS + i * ENTRY_WORDS;
      writeEntry(words, at, extent.templateId, from + i, from + i + 1, 0, 0, code, hi[i], 1000, 0, 0, 0);
    }
    this.log.append(words, count);
    return this;
  }

  async sync(): Promise<this> {
    await new Promise<void>((resolve, reject) =>
      this.log.startSync((error) => (error === null ? resolve() : reject(error))),
    );
    Atomics.store(new Int32Array(this.positions), LogPosition.synced, this.log.synced / ENTRY_BYTES);
    Atomics.add(new Int32Array(signal), 0, 1);
    Atomics.notify(new Int32Array(signal), 0);
    return this;
  }

  get end(): number {
    return this.log.end;
  }

  close(): void {
    this.log.close();
  }
}

async function stored(claims: number): Promise<void> {
  await until(
    () => flushed === claims,
    () => `${claims} claims are flushed, not ${flushed}`,
  );
}

function watermarkOf(logId: number): Promise<number | undefined> {
  return store.watermarks().then((marks) => marks.find((mark) => mark.logId === logId)?.offset);
}

test('what is synced is stored and counted; what is not synced yet is left alone', async () => {
  const log = await new OwnerLog(1).append(0, 10).sync();
  const synced = log.end;
  link.follow(log.id, log.positions);
  log.append(10, 5);
  await stored(10);
  expect(await watermarkOf(1)).toBe(synced);
  expect(link.liveLogs()).toEqual([{ logId: 1, positions: log.positions }]);
  await log.sync();
  await stored(15);
  expect(await watermarkOf(1)).toBe(log.end);
  expect(await store.countByTemplate()).toEqual([{ templateId: extent.templateId, count: 15 }]);
  expect([link.delayed, [...link.stuck]]).toEqual([false, []]);
});

test('an earlier life’s log is stored to its end, and is not one that lives', async () => {
  const log = new OwnerLog(3).append(0, 7);
  const first = log.end;
  log.append(7, 3).close();
  await store.commitClaims({ logId: 3, fromOffset: 0, toOffset: first, entries: new Uint8Array() });
  link.ended(3, log.end, first);
  await stored(3);
  expect([await watermarkOf(3), link.liveLogs()]).toEqual([log.end, []]);
});

test('a store that is away delays, which is told; when it is back everything is stored once', async () => {
  shelf.isAway = true;
  const log = await new OwnerLog(1).append(0, 10).sync();
  link.follow(log.id, log.positions);
  await until(() => link.delayed, 'flushing is delayed');
  expect(warnings.join()).toContain('the database is away');
  shelf.isAway = false;
  await stored(10);
  expect([link.delayed, shelf.commits.length]).toEqual([false, 1]);
});

test('a wrong code stops its log and no other', async () => {
  const [bad, good] = [new OwnerLog(1).append(0, 4, true), new OwnerLog(2).append(4, 4)];
  for (const log of [bad, good]) {
    await log.sync();
    link.follow(log.id, log.positions);
  }
  await until(() => link.stuck.size === 1, 'one log is stuck');
  await stored(4);
  expect([...link.stuck.keys()]).toEqual([1]);
  expect(link.stuck.get(1)).toContain('serial 0');
  await good.append(8, 2).sync();
  await stored(6);
  expect(await watermarkOf(1)).toBeUndefined();
});

test('a thread that dies has a successor that knows every log and stores nothing twice', async () => {
  const log = await new OwnerLog(1).append(0, 10).sync();
  link.follow(log.id, log.positions);
  await stored(10);
  const { worker } = link as unknown as { worker: Worker };
  await worker.terminate();
  await log.append(10, 5).sync();
  await stored(15);
  expect(shelf.commits.map(({ entries }) => entries.length / ENTRY_BYTES)).toEqual([10, 5]);
});

test('stopping stores all that is synced first', async () => {
  const log = await new OwnerLog(1).append(0, 500).sync();
  link.follow(log.id, log.positions);
  await within(link.stop(15_000), 'the flusher stops');
  expect(flushed).toBe(500);
  expect(warnings).toEqual([]);
});

test('stopping gives up a store that does not answer, and says so', async () => {
  shelf.isSilent = true;
  const log = await new OwnerLog(1).append(0, 5).sync();
  link.follow(log.id, log.positions);
  await within(link.stop(50), 'the flusher is given up');
  expect(warnings.join()).toContain('not everything was flushed in time');
  expect(flushed).toBe(0);
});
