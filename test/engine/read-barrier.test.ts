/** A read waits until memory has what any node had acknowledged before it, on every shard. */
import { beforeEach, expect, test } from 'vitest';
import { ReadBarrier } from '../../src/engine/read-barrier.ts';
import { ShardSeats } from '../../src/engine/shard-seats.ts';
import { SHARDS } from '../../src/ports-ledger.ts';
import { Unavailable } from '../../src/problems.ts';
import { VirtualClock } from '../cluster/virtual-clock.ts';

/** Claims in each stream, and of them in memory. */
let heads: number[];
let followed: number[];
let asked: number;
let isAway: boolean;
let clock: VirtualClock;
let seats: ShardSeats;
let barrier: ReadBarrier;

beforeEach(() => {
  heads = new Array<number>(SHARDS).fill(0);
  followed = new Array<number>(SHARDS).fill(0);
  [asked, isAway] = [0, false];
  clock = new VirtualClock();
  seats = new ShardSeats();
  for (let shard = 0; shard < SHARDS; shard++) sit(shard);
  barrier = new ReadBarrier({
    ledger: {
      head: async (shard) => {
        asked++;
        if (isAway) throw new Error('the ledger is away');
        return heads[shard];
      },
    },
    seats,
    followedTo: (shard) => followed[shard],
    clock,
  });
});

function sit(shard: number, incarnation = 1): void {
  seats.open({ shard, incarnation, version: 1, nodeId: 'a', epoch: incarnation });
}

interface Read {
  outcome: 'waits' | 'reads' | 'unavailable';
}

function read(): Read {
  const one: Read = { outcome: 'waits' };
  barrier.wait().then(
    () => {
      one.outcome = 'reads';
    },
    (error: unknown) => {
      if (error instanceof Unavailable) one.outcome = 'unavailable';
    },
  );
  return one;
}

test('with nothing to wait for it reads at once, after each shard was asked once', async () => {
  const one = read();
  await clock.pass(0);
  expect([one.outcome, asked]).toEqual(['reads', SHARDS]);
});

test('it waits for the last shard to be followed as far as it was, no further', async () => {
  heads[3] = 10;
  heads[15] = 7;
  const one = read();
  followed[3] = 10;
  await clock.pass(10);
  followed[15] = 6;
  await clock.pass(10);
  expect(one.outcome).toBe('waits');
  heads[15] = 90;
  followed[15] = 7;
  await clock.pass(4);
  expect([one.outcome, asked]).toEqual(['reads', SHARDS]);
});

test('whoever comes while a round is under way gets the next one, and all of them the same', async () => {
  heads[3] = 1;
  const first = read();
  await clock.pass(4);
  heads[3] = 2;
  const later = [read(), read(), read()];
  followed[3] = 1;
  await clock.pass(10);
  expect([first.outcome, ...later.map(({ outcome }) => outcome)]).toEqual([
    'reads',
    'waits',
    'waits',
    'waits',
  ]);
  followed[3] = 2;
  await clock.pass(4);
  expect(new Set(later.map(({ outcome }) => outcome))).toEqual(new Set(['reads']));
  expect(asked).toBe(2 * SHARDS);
});

test('after a round is over, a read begins its own', async () => {
  read();
  await clock.pass(0);
  heads[3] = 1;
  const one = read();
  await clock.pass(10);
  expect(one.outcome).toBe('waits');
});

test('what is not followed in a second is unavailable', async () => {
  heads[3] = 1;
  const one = read();
  await clock.pass(990);
  expect(one.outcome).toBe('waits');
  await clock.pass(20);
  expect(one.outcome).toBe('unavailable');
});

test('who waited behind a round that failed gets a round all the same', async () => {
  heads[3] = 1;
  read();
  await clock.pass(900);
  const later = read();
  await clock.pass(150);
  followed[3] = 1;
  await clock.pass(10);
  expect(later.outcome).toBe('reads');
});

test('a ledger that is away is asked again, and so is a shard that is closed', async () => {
  isAway = true;
  seats.close(5);
  const one = read();
  await clock.pass(100);
  expect(one.outcome).toBe('waits');
  isAway = false;
  await clock.pass(10);
  expect(one.outcome).toBe('waits');
  sit(5);
  await clock.pass(10);
  expect(one.outcome).toBe('reads');
});

test('a shard that stays closed makes reads unavailable', async () => {
  seats.close(5);
  const one = read();
  await clock.pass(1_100);
  expect(one.outcome).toBe('unavailable');
});

test('a shard that was opened anew meanwhile is asked for the length of its new stream', async () => {
  heads[3] = 50;
  const one = read();
  await clock.pass(10);
  heads[3] = 2;
  sit(3, 2);
  followed[3] = 1;
  await clock.pass(10);
  expect(one.outcome).toBe('waits');
  followed[3] = 2;
  await clock.pass(10);
  expect(one.outcome).toBe('reads');
});
