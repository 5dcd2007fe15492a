/** The pace of storing, played in virtual time: how old claims get, how many transactions it takes, and when it hurries. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FlushPace } from '../../src/claimlog/flush-pace.ts';
import { FLUSH_AGE_MS_MAX, FLUSH_BATCH_ENTRIES_MAX, FLUSH_SLICE_ENTRIES } from '../../src/limits.ts';

const WAITING_MAX = 5_000_000;

/** A store that takes `rowMs` a row and `batchMs` a batch, and claims that arrive at a rate. */
class Shop {
  readonly pace: FlushPace;
  nowMs = 1_000;
  arrived = 0;
  stored = 0;
  batches: { atMs: number; entries: number; ageMs: number }[] = [];
  private readonly rowMs: number;
  private readonly batchMs: number;
  private perMs = 0;
  /** When each claim came. */
  private readonly came: number[] = [];

  constructor({ rowMs = 0.006, batchMs = 1, waitingMax = WAITING_MAX } = {}) {
    this.pace = new FlushPace(waitingMax);
    this.rowMs = rowMs;
    this.batchMs = batchMs;
  }

  come(claims: number): void {
    this.arrived += claims;
    while (this.came.length < this.arrived) this.came.push(this.nowMs);
  }

  private pass(ms: number): void {
    this.nowMs += ms;
    this.come(ms * this.perMs);
  }

  /** For so long, claims come at so many a second. */
  run(ms: number, perSecond: number, hurries = false): this {
    this.perMs = perSecond / 1000;
    const untilMs = this.nowMs + ms;
    while (this.nowMs < untilMs) this.step(hurries);
    return this;
  }

  step(hurries = false): void {
    this.pace.see(Math.floor(this.arrived) - this.stored, this.nowMs);
    const step = this.pace.next(this.nowMs, hurries);
    if (step.kind === 'idle') this.pass(1);
    else if (step.kind === 'rest') {
      expect(step.ms).toBeGreaterThan(0);
      this.pass(step.ms);
    } else {
      const entries = Math.min(step.entriesMax, Math.floor(this.arrived) - this.stored);
      const ageMs = this.nowMs - this.came[this.stored];
      this.batches.push({ atMs: this.nowMs, entries, ageMs });
      this.pace.took(entries, this.nowMs);
      this.pass(this.batchMs + entries * this.rowMs);
      this.stored += entries;
    }
  }

  get waiting(): number {
    return Math.floor(this.arrived) - this.stored;
  }
}

describe('few claims', () => {
  test('are stored at once', () => {
    const shop = new Shop().run(100, 0);
    shop.come(3);
    shop.step();
    expect(shop.waiting).toBe(0);
  });

  test('one after the other are stored within a moment, several at a time', () => {
    const shop = new Shop().run(3_000, 300);
    expect(Math.max(...shop.batches.map(({ ageMs }) => ageMs))).toBeLessThan(60);
    expect(shop.batches.length).toBeLessThan(160);
  });
});

describe('in a crowd', () => {
  test.each([2_000, 30_000, 100_000])(
    'of %i a second no claim gets older than may be, and slices are small',
    (rate) => {
      const shop = new Shop().run(3_000, rate).run(17_000, rate);
      const settled = shop.batches.filter(({ atMs }) => atMs > 4_000);
      expect(Math.max(...settled.map(({ entries }) => entries))).toBeLessThanOrEqual(FLUSH_SLICE_ENTRIES);
      expect(Math.max(...shop.batches.map(({ ageMs }) => ageMs))).toBeLessThan(FLUSH_AGE_MS_MAX);
      // What comes in is stored at the rate it comes in.
      expect(shop.stored).toBeGreaterThan(rate * 20 - rate * (FLUSH_AGE_MS_MAX / 1000));
    },
  );

  test('slices are spread over time: none follows the one before it at once', () => {
    const shop = new Shop().run(20_000, 30_000);
    const settled = shop.batches.filter(({ atMs }) => atMs > 10_000);
    for (let i = 1; i < settled.length; i++) {
      const idleMs = settled[i].atMs - settled[i - 1].atMs - (1 + settled[i - 1].entries * 0.006);
      expect(idleMs).toBeGreaterThan(5);
    }
  });

  test('a few thousand a second take far fewer transactions than one every moment would be', () => {
    const shop = new Shop().run(20_000, 4_000);
    expect(shop.batches.length).toBeLessThan(200);
  });

  test('that is short is stored behind it, as fast as it goes once it is over', () => {
    const shop = new Shop().run(1_000, 50_000);
    expect(shop.stored).toBeLessThan(15_000);
    shop.run(1_000, 0);
    expect(shop.waiting).toBe(0);
    const behind = shop.batches.filter(({ atMs }) => atMs > 2_000);
    expect(behind.some(({ entries }) => entries > FLUSH_SLICE_ENTRIES)).toBe(true);
  });
});

describe('as fast as it goes', () => {
  const fast = { kind: 'store', entriesMax: FLUSH_BATCH_ENTRIES_MAX };

  function crowd(waitingMax = WAITING_MAX): FlushPace {
    const pace = new FlushPace(waitingMax);
    pace.see(0, 0);
    pace.see(30_000, 300);
    pace.took(2_048, 320);
    pace.see(28_000, 320);
    expect(pace.next(320, false).kind).toBe('rest');
    return pace;
  }

  test('when everything is waited for', () => expect(crowd().next(320, true)).toEqual(fast));

  test('when the oldest claim is as old as may be', () => {
    const pace = crowd();
    for (let nowMs = 400; nowMs < 300 + FLUSH_AGE_MS_MAX; nowMs += 100) pace.see(28_000 + nowMs * 30, nowMs);
    expect(pace.next(300 + FLUSH_AGE_MS_MAX, false)).toEqual(fast);
  });

  test('when more waits than may wait', () => {
    const pace = crowd(29_000);
    pace.see(29_001, 330);
    expect(pace.next(330, false)).toEqual(fast);
  });

  test('a store that cannot keep up is never left idle', () => {
    const shop = new Shop({ rowMs: 0.05 }).run(30_000, 40_000);
    const late = shop.batches.filter(({ atMs }) => atMs > 15_000);
    for (let i = 1; i < late.length; i++)
      expect(late[i].atMs - late[i - 1].atMs).toBeCloseTo(1 + late[i - 1].entries * 0.05, 3);
  });
});

test('a log that counts no more leaves nothing to be waited for', () => {
  const pace = new FlushPace(WAITING_MAX);
  pace.see(0, 0);
  pace.see(5_000, 300);
  pace.see(0, 310);
  expect([pace.next(310, false), pace.ageMs(310)]).toEqual([{ kind: 'idle' }, 0]);
  pace.see(7, 6_000);
  expect([pace.next(6_000, false).kind, pace.ageMs(6_010)]).toEqual(['store', 10]);
});

test('whatever comes in is stored in the end, and no claim waits much longer than may be', () => {
  const phase = fc.record({
    ms: fc.integer({ min: 1, max: 4_000 }),
    rate: fc.integer({ min: 0, max: 90_000 }),
  });
  fc.assert(
    fc.property(fc.array(phase, { minLength: 1, maxLength: 6 }), (phases) => {
      const shop = new Shop();
      for (const { ms, rate } of phases) shop.run(ms, rate);
      expect(Math.max(0, ...shop.batches.map(({ ageMs }) => ageMs))).toBeLessThan(FLUSH_AGE_MS_MAX + 500);
      shop.run(10_000, 0);
      expect(shop.waiting).toBe(0);
    }),
    { numRuns: 60 },
  );
});
