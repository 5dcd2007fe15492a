/** What main knows of shards and owners: whose logs are still needed, and who may follow a stream from where. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileDisk } from '../../src/claimlog/disk.ts';
import { ENTRY_BYTES, ENTRY_WORDS, writeEntry } from '../../src/claimlog/entry.ts';
import { HEADER_WORDS } from '../../src/claimlog/frame.ts';
import { LogWriter } from '../../src/claimlog/log-writer.ts';
import { listSegments } from '../../src/claimlog/segment.ts';
import { ClusterLink, type ClusterLinkOptions } from '../../src/engine/cluster/cluster-link.ts';
import { ShardSeats } from '../../src/engine/shard-seats.ts';
import { LOG_POSITION_BYTES, LogPosition } from '../../src/rings/layout.ts';
import type { FromCluster } from '../../src/workers/cluster-messages.ts';
import type { ToOwner } from '../../src/workers/owner-messages.ts';
import { StreamPlacesWriter } from '../../src/workers/stream-places.ts';

const LOG = 1;
const SEGMENTS = 3;
const SEAT = { nodeId: 'node', shard: 3, incarnation: 2, epoch: 1, version: 0 };

let root: string;
beforeEach(() => {
  root = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-link-'));
});
afterEach(() => fs.rmSync(root, { recursive: true }));

class Stage {
  readonly told: (readonly [owner: number, message: ToOwner])[] = [];
  readonly link: ClusterLink;

  constructor(owners = 1) {
    const data = { logRoot: root } as ClusterLinkOptions['data'];
    this.link = new ClusterLink({
      data,
      owners,
      segmentKeepMs: 0,
      seats: new ShardSeats(),
      connectStore: () => {},
      tellOwner: (index, message) => this.told.push([index, message]),
      onClosed: () => {},
      onOpen: () => {},
      onFlushed: () => {},
      onCatalogBehind: () => {},
      onFatal: () => {},
      logger: pino({ level: 'silent' }),
    });
  }

  private get inside() {
    return this.link as unknown as {
      take(message: FromCluster): void;
      tick(): void;
      checkpoints: { takenMs: number };
    };
  }

  take(message: FromCluster): void {
    this.inside.take(message);
  }

  /** A checkpoint when none is open, and a look at whether the open one is stored. */
  tick(): void {
    this.inside.checkpoints.takenMs = 0;
    this.inside.tick();
  }

  /** A log of SEGMENTS segments, the last one still empty, all of it synced. */
  writeLog(): void {
    const log = new LogWriter(fileDisk, root, LOG, 1);
    const words = new Uint32Array(HEADER_WORDS + ENTRY_WORDS);
    for (let serial = 0; serial < 2; serial++) {
      writeEntry(words, HEADER_WORDS, 3, serial, serial, 0, 0, 5, 0, 7, 0, 0, 0);
      log.append(words, 1);
    }
    const positions = new SharedArrayBuffer(LOG_POSITION_BYTES);
    new Int32Array(positions)[LogPosition.synced] = log.end / ENTRY_BYTES;
    log.close();
    this.link.follow(LOG, positions);
  }

  /** The present life of the first owner has so much of the stream. */
  follows(position: number, { incarnation }: { readonly incarnation: number } = SEAT): void {
    const places = new StreamPlacesWriter(this.link.places[0].buffer);
    places.begin(SEAT.shard, incarnation, position);
  }

  get segments(): number {
    return listSegments(fileDisk, root, LOG).length;
  }
}

test('logs stay until the streams they came from are stored, also of shards that this node has left', () => {
  const stage = new Stage();
  stage.writeLog();
  expect(stage.segments).toBe(SEGMENTS);
  stage.take({ kind: 'open', seat: SEAT, head: 0, follow: 0 });
  stage.follows(2);
  stage.take({ kind: 'suspend', shard: SEAT.shard, reason: 'its ledger has lost data' });
  for (let i = 0; i < 3; i++) stage.tick();
  expect(stage.segments).toBe(SEGMENTS);
  const stored = { kind: 'watermark', shard: SEAT.shard, incarnation: 2, counts: null } as const;
  stage.take({ ...stored, position: 1 });
  for (let i = 0; i < 3; i++) stage.tick();
  expect(stage.segments).toBe(SEGMENTS);
  stage.take({ ...stored, position: 2 });
  for (let i = 0; i < 3; i++) stage.tick();
  expect(stage.segments).toBe(1);
});

test('a later incarnation was opened with everything of the earlier ones', () => {
  const stage = new Stage();
  stage.writeLog();
  stage.take({ kind: 'open', seat: SEAT, head: 0, follow: 0 });
  stage.follows(2);
  for (let i = 0; i < 3; i++) stage.tick();
  expect(stage.segments).toBe(SEGMENTS);
  stage.take({ kind: 'open', seat: { ...SEAT, incarnation: 4 }, head: 0, follow: 0 });
  stage.take({ kind: 'watermark', shard: SEAT.shard, incarnation: 4, position: 0, counts: null });
  for (let i = 0; i < 3; i++) stage.tick();
  expect(stage.segments).toBe(1);
});

test('what an owner’s life had followed counts also when the next one begins', () => {
  const stage = new Stage();
  stage.writeLog();
  stage.take({ kind: 'open', seat: SEAT, head: 0, follow: 0 });
  stage.follows(2);
  stage.link.ownerStarts(0);
  stage.take({ kind: 'watermark', shard: SEAT.shard, incarnation: 2, position: 1, counts: null });
  for (let i = 0; i < 3; i++) stage.tick();
  expect(stage.segments).toBe(SEGMENTS);
});

test('a life that is just beginning follows from what it has read, not from what was brought to the others', () => {
  const stage = new Stage(2);
  for (const owner of [0, 1]) stage.link.ownerReady(owner, true);
  stage.link.ownerStarts(1);
  stage.take({ kind: 'open', seat: SEAT, head: 9, follow: 9 });
  expect(stage.told).toEqual([
    [0, { kind: 'shardOpen', seat: SEAT, follow: 9 }],
    [1, { kind: 'shardOpen', seat: SEAT, follow: null }],
  ]);
});

test('what a beginning life has followed counts once it is ready', () => {
  const stage = new Stage();
  const { link } = stage;
  link.ownerReady(0, true);
  stage.take({ kind: 'open', seat: SEAT, head: 0, follow: 0 });
  stage.follows(5);
  expect(link.followedTo(SEAT.shard)).toBe(5);
  link.ownerStarts(0);
  stage.follows(7);
  expect(link.followedTo(SEAT.shard)).toBe(0);
  link.ownerReady(0, false);
  expect(link.followedTo(SEAT.shard)).toBe(7);
});

test('a shard is left when the life that had a seat there has left it, ready or not', () => {
  const stage = new Stage(2);
  const { link } = stage;
  const sent: unknown[] = [];
  (link as unknown as { send(message: unknown): void }).send = (message) => void sent.push(message);
  for (const owner of [0, 1]) link.ownerReady(owner, true);
  const suspend = { kind: 'suspend', shard: SEAT.shard, reason: 'its seat has passed' } as const;
  const quiesced = { kind: 'quiesced', shard: SEAT.shard } as const;
  link.ownerStarts(1);
  stage.take(suspend);
  link.fromOwner(0, quiesced);
  link.ownerReady(1, false);
  expect(sent).not.toContainEqual(quiesced);
  link.fromOwner(1, quiesced);
  expect(sent).toContainEqual(quiesced);
  // One that dies meanwhile has left it when its next life begins: that one is given no seat there.
  sent.length = 0;
  stage.take(suspend);
  link.fromOwner(0, quiesced);
  expect(sent).toEqual([]);
  link.ownerStarts(1);
  expect(sent).toContainEqual(quiesced);
});

test('what a life reads from the store is taken in once it is ready, what comes later once it says so', () => {
  const stage = new Stage();
  const { link } = stage;
  const sent: unknown[] = [];
  (link as unknown as { send(message: unknown): void }).send = (message) => void sent.push(message);
  link.ownerReady(0, true);
  stage.take({ kind: 'takeIn', shard: 1, entries: new Uint8Array(0) });
  link.ownerStarts(0);
  stage.take({ kind: 'takeIn', shard: 2, entries: new Uint8Array(0) });
  link.ownerReady(0, false);
  expect(sent.filter((one) => (one as { kind: string }).kind === 'tookIn')).toEqual([
    { kind: 'tookIn', shard: 1 },
  ]);
  link.fromOwner(0, { kind: 'tookIn', shard: 2 });
  expect(sent).toContainEqual({ kind: 'tookIn', shard: 2 });
});

test('what was followed of a stream says nothing of the one that has replaced it', () => {
  const stage = new Stage();
  const { link } = stage;
  link.ownerReady(0, true);
  stage.take({ kind: 'open', seat: SEAT, head: 0, follow: 0 });
  stage.follows(50);
  const next = { ...SEAT, incarnation: 3, epoch: 2 };
  stage.take({ kind: 'open', seat: next, head: 0, follow: 0 });
  // The owner has not come to it yet, and may still be telling of the last one.
  expect(link.followedTo(SEAT.shard)).toBe(0);
  stage.follows(60);
  expect(link.followedTo(SEAT.shard)).toBe(0);
  stage.follows(4, next);
  expect(link.followedTo(SEAT.shard)).toBe(4);
});
