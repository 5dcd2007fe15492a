/** A read waits until memory has what any node had acknowledged before it, on every shard. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type MayMatter, ReadBarrier, type ShardKnown } from '../../src/engine/cluster/read-barrier.ts';
import { ShardSeats } from '../../src/engine/shard-seats.ts';
import { SHARDS } from '../../src/ports-ledger.ts';
import { Unavailable } from '../../src/problems.ts';
import { VirtualClock } from '../cluster/virtual-clock.ts';

/** Claims in each stream, and of them in memory, as far as the first owner serves them; the other has all of them. */
let heads: number[];
let followed: number[];
let lives: number;
/** What failed, each time. */
let troubles: string[];
let asked: number;
let isAway: boolean;
let clock: VirtualClock;
let seats: ShardSeats;
let barrier: ReadBarrier;

beforeEach(() => {
  heads = new Array<number>(SHARDS).fill(0);
  followed = new Array<number>(SHARDS).fill(0);
  [asked, isAway, lives] = [0, false, 2];
  troubles = [];
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
    followedBy: (owner, shard) => (owner === 0 ? followed[shard] : heads[shard]),
    owners: 2,
    lives: () => lives,
    clock,
    now: () => clock.nowMs(),
    onTrouble: (what) => troubles.push(what),
  });
});

function sit(shard: number, incarnation = 1): void {
  seats.open({ shard, incarnation, version: 1, nodeId: 'a', epoch: incarnation });
}

interface Read {
  outcome: 'waits' | 'reads' | 'unavailable';
}

/** Of somebody who may hold something everywhere, unless told otherwise. */
function read(mayMatter: MayMatter = async () => true): Read {
  const one: Read = { outcome: 'waits' };
  barrier.all(mayMatter).then(
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

describe('a shard in trouble', () => {
  /** Asked about it: with what is known of the shard. */
  let questions: { shard: number; known: ShardKnown }[];
  const isNothingOf: MayMatter = async (shard, known) => {
    questions.push({ shard, known });
    return false;
  };
  beforeEach(() => {
    questions = [];
  });

  test('that is closed holds up nobody it does not matter to', async () => {
    seats.close(5);
    const [other, one] = [read(isNothingOf), read()];
    await clock.pass(0);
    expect([other.outcome, one.outcome]).toEqual(['reads', 'waits']);
    await clock.pass(1_100);
    expect(one.outcome).toBe('unavailable');
    expect(new Set(questions.map(({ shard }) => shard))).toEqual(new Set([5]));
  });

  test('nor does one whose ledger cannot be asked, also for those who come later', async () => {
    isAway = true;
    const one = read(isNothingOf);
    await clock.pass(4);
    const later = read(isNothingOf);
    await clock.pass(0);
    expect([one.outcome, later.outcome]).toEqual(['reads', 'reads']);
    expect(troubles).toContain('the length of a stream could not be asked');
  });

  test('nor one of which an owner is starting again', async () => {
    heads[3] = 10;
    followed[3] = -1;
    const one = read(isNothingOf);
    await clock.pass(0);
    expect(one.outcome).toBe('reads');
    const [{ known }] = questions;
    expect([known.hasAll(0), known.hasAll(1)]).toEqual([false, true]);
  });

  test('and nobody is asked where the stream is only behind', async () => {
    heads[3] = 10;
    const one = read(isNothingOf);
    await clock.pass(20);
    expect([one.outcome, questions]).toEqual(['waits', []]);
    followed[3] = 10;
    await clock.pass(4);
    expect(one.outcome).toBe('reads');
  });

  test('what an owner had when the round began says nothing of a read that came later', async () => {
    heads[3] = 10;
    followed[3] = -1;
    read();
    await clock.pass(4);
    read(isNothingOf);
    await clock.pass(0);
    expect(questions[0].known.hasAll(1)).toBe(false);
  });

  test('tells up to when memory was complete, as of before the ledger was asked', async () => {
    seats.close(5);
    read(isNothingOf);
    await clock.pass(0);
    expect(questions[0].known.completeMs).toBe(Number.NEGATIVE_INFINITY);
    await clock.pass(1_100);
    sit(5);
    heads[5] = 4;
    const one = read();
    const askedMs = clock.nowMs();
    await clock.pass(100);
    followed[5] = 4;
    await clock.pass(10);
    expect(one.outcome).toBe('reads');
    seats.close(5);
    await clock.pass(10_000);
    read(isNothingOf);
    await clock.pass(0);
    expect(questions.at(-1)!.known.completeMs).toBe(askedMs);
    // What the last life of an owner knew may be gone with it.
    lives++;
    read(isNothingOf);
    await clock.pass(0);
    expect(questions.at(-1)!.known.completeMs).toBe(Number.NEGATIVE_INFINITY);
  });

  test('it is looked at without readers, too', async () => {
    void barrier.watch();
    await clock.pass(5_000);
    seats.close(5);
    read(isNothingOf);
    await clock.pass(0);
    expect(questions[0].known.completeMs).toBeGreaterThan(clock.nowMs() - 2_000);
    barrier.stop();
  });
});

describe('a read of one template', () => {
  const outcomeOf = async (templateId: number, waitMs: number): Promise<string> => {
    let outcome = 'waits';
    barrier.of(templateId).then(
      () => {
        outcome = 'reads';
      },
      () => {
        outcome = 'unavailable';
      },
    );
    await clock.pass(waitMs);
    return outcome;
  };

  test('waits for its own shard only, and asks for nothing else', async () => {
    seats.close(5);
    expect([await outcomeOf(SHARDS + 4, 0), asked]).toEqual(['reads', 1]);
    expect(await outcomeOf(SHARDS + 5, 1_100)).toBe('unavailable');
  });
});
