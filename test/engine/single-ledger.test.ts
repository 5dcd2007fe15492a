/** The one node of the profile `single` writes the shared ledger from what it knows, whenever that has lost something. */
import pino from 'pino';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ShardSeats } from '../../src/engine/shard-seats.ts';
import { SingleLedger } from '../../src/engine/single/single-ledger.ts';
import { type PoolPlan, SHARDS, type ShardLedger } from '../../src/ports-ledger.ts';
import { ModelServer } from '../cluster/model-ledger.ts';
import { VirtualClock } from '../cluster/virtual-clock.ts';

const EXTEND_MS = 3_000;
const TEMPLATE = 5;

let server: ModelServer;
let seats: ShardSeats;
let single: SingleLedger;
let seated: number[];
let planned: number[];
let said: string[];
/** Serials of the template that are free, as this node knows. */
let free: number;

function plans(shard: number): PoolPlan[] {
  planned.push(shard);
  if (shard !== TEMPLATE) return [];
  const ranges = [{ from: 0, to: free }];
  return [
    { ref: { templateId: TEMPLATE, activityId: 0 }, units: 100, closed: false, free: ranges, leased: [] },
  ];
}

function start(ledger: ShardLedger = server.ledger(() => false)): void {
  const write = (line: string): number => said.push((JSON.parse(line) as { msg: string }).msg);
  const logger = pino({ level: 'info' }, { write });
  single = new SingleLedger({
    ledger,
    seats,
    nodeId: 'a',
    startId: 'start',
    plans,
    onSeat: (shard) => seated.push(shard),
    logger,
  });
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_790_000_000_000 });
  server = new ModelServer(new VirtualClock());
  seats = new ShardSeats();
  [seated, planned, said] = [[], [], []];
  free = 100;
});

afterEach(() => {
  single.stop();
  vi.useRealTimers();
});

function pass(ms: number): Promise<unknown> {
  return vi.advanceTimersByTimeAsync(ms);
}

function freeThere(): number {
  const [pool] = server.of(TEMPLATE).pools(seats.get(TEMPLATE)!.incarnation);
  return pool.free.reduce((sum, { from, to }) => sum + to - from, 0);
}

test('at the start every shard is written and seated, each under a number of its own', async () => {
  start();
  await single.start();
  const all = Array.from({ length: SHARDS }, (_, shard) => shard);
  expect([seated.sort((a, b) => a - b), single.closedShards]).toEqual([all, []]);
  expect(new Set(seats.all().map(({ incarnation }) => incarnation)).size).toBe(SHARDS);
  expect(freeThere()).toBe(100);
});

test('a ledger that is away does not hold up the start, and is written when it is back', async () => {
  start();
  server.isAway = true;
  await single.start();
  expect([seats.all(), single.closedShards.length]).toEqual([[], SHARDS]);
  await pass(5_000);
  server.isAway = false;
  free = 60;
  await pass(2_100);
  expect([seats.all().length, single.closedShards, freeThere()]).toEqual([SHARDS, [], 60]);
  // Once, however many shards were tried and however often.
  expect(said).toEqual([
    'the ledger cannot be written; units in hand are sold meanwhile',
    'the ledger is back',
  ]);
});

test('a shard that has lost data is written anew from what is known by then, under a later number', async () => {
  start();
  await single.start();
  const before = seats.get(TEMPLATE)!;
  server.of(TEMPLATE).flush();
  free = 40;
  single.lost(before, 'the shard is not there');
  expect(seats.get(TEMPLATE)).toBeNull();
  await pass(0);
  expect(seats.get(TEMPLATE)!.incarnation).toBeGreaterThan(before.incarnation);
  expect([freeThere(), seated.filter((shard) => shard === TEMPLATE).length]).toEqual([40, 2]);
});

test('what is refused under a past seat is no news', async () => {
  start();
  await single.start();
  const before = seats.get(TEMPLATE)!;
  for (let i = 0; i < 3; i++) single.lost(before, 'the server was restarted or replaced');
  await pass(0);
  single.lost(before, 'the server was restarted or replaced');
  await pass(0);
  expect(planned.filter((shard) => shard === TEMPLATE).length).toBe(2);
});

test('lost data is found out also where nothing is asked for', async () => {
  start();
  await single.start();
  server.of(TEMPLATE).restart({ empty: true });
  await pass(EXTEND_MS - 1);
  expect(planned.length).toBe(SHARDS);
  await pass(1);
  expect(planned.slice(SHARDS)).toEqual([TEMPLATE]);
  expect(freeThere()).toBe(100);
});

test('where one shard has lost data the others are looked at, too', async () => {
  start();
  await single.start();
  const other = (TEMPLATE + 1) % SHARDS;
  for (const shard of [TEMPLATE, other]) server.of(shard).restart({ empty: true });
  single.lost(seats.get(TEMPLATE)!, 'the shard is not there');
  await pass(0);
  expect(planned.slice(SHARDS).sort()).toEqual([TEMPLATE, other]);
  expect(seats.all().length).toBe(SHARDS);
});

test('a ledger that was only away keeps its seats', async () => {
  start();
  await single.start();
  const before = seats.get(TEMPLATE)!;
  server.isAway = true;
  await pass(3 * EXTEND_MS);
  server.isAway = false;
  await pass(EXTEND_MS);
  expect([seats.get(TEMPLATE)!.epoch, seats.get(TEMPLATE)!.incarnation]).toEqual([
    before.epoch,
    before.incarnation,
  ]);
  expect(planned.length).toBe(SHARDS);
  // Each answer tells how far the shard has come: an older one would be lost data.
  expect(seats.get(TEMPLATE)!.version).toBeGreaterThan(before.version);
});

test('a seat of somebody else’s is taken back', async () => {
  start();
  await single.start();
  const { shard, incarnation } = seats.get(TEMPLATE)!;
  server.of(shard).join({ shard, incarnation, version: 0 }, 'a', 'another start', 1_000_000);
  await pass(EXTEND_MS);
  expect(seats.get(shard)!.incarnation).toBeGreaterThan(incarnation);
});

test('incarnations grow though the clock goes back', async () => {
  start();
  await single.start();
  const before = seats.get(TEMPLATE)!;
  vi.setSystemTime(1_000);
  single.lost(before, 'the server was restarted or replaced');
  await pass(0);
  expect(seats.get(TEMPLATE)!.incarnation).toBeGreaterThan(before.incarnation);
});

test('after the stop nothing is written and no seat is kept', async () => {
  start();
  server.isAway = true;
  await single.start();
  single.stop();
  server.isAway = false;
  await pass(10_000);
  expect([seats.all(), vi.getTimerCount()]).toEqual([[], 0]);
});
