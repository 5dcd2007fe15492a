/** The stream of events in a real Redis that is killed, emptied and put back to what it was; a real record store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EventForwarder } from '../../src/events/event-forwarder.ts';
import { type EventStream, RedisEventStream } from '../../src/events/redis-event-stream.ts';
import { RedisConnection } from '../../src/ledger/redis/redis-connection.ts';
import type { StoredEvent } from '../../src/ports-events.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { ALICE, CouponStage } from '../records/coupon-stage.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { firsts, ofCoupons, type StreamEntry, streamOf } from '../support/event-stream.ts';
import { seeded } from '../support/random.ts';
import { until } from '../support/wait.ts';

const INSTALLATION = 'test';
const KEY = `doorbuster:${INSTALLATION}:events`;
const PACE = { leaseMs: 600, idleMs: 10, retryMs: 20 };

let home: string;
let store: SqliteStore;
let stage: CouponStage;
let template: number;
let redis: RedisServer;
let troubles: string[];
let heard: string[];
/** So many more calls fail. */
let deaf: number;
/** As an entry of the stream is told apart; every subject counts for itself. */
const nameOf = (event: StoredEvent): string =>
  `${event.subject === 'coupon' ? event.couponId : `${event.templateId}/${event.activityId}`}-${event.sequence}`;

const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'doorbuster-forwarder-'));
  store = new SqliteStore(join(home, 'records.db'));
  stage = new CouponStage(store);
  template = await stage.template();
  troubles = [];
  heard = [];
  deaf = 0;
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await store.close();
  await redis.stop();
  rmSync(home, { recursive: true });
});

async function forwarder(
  holder: string,
  wrap: (stream: EventStream) => EventStream = (stream) => stream,
): Promise<EventForwarder> {
  const connection = new RedisConnection({ url: redis.url });
  await connection.connect();
  const one = new EventForwarder({
    isCrowded: () => false,
    name: 'redis-stream',
    holder,
    store: store.events,
    stream: wrap(new RedisEventStream(connection, INSTALLATION)),
    hears: async (events) => {
      if (deaf > 0) throw new Error(`deaf ${deaf--} times more`);
      heard.push(...events.map(nameOf));
    },
    onTrouble: (what) => troubles.push(what),
    pace: PACE,
  });
  one.start();
  cleanups.push(async () => {
    await one.stop(2_000);
    await connection.disconnect();
  });
  return one;
}

/** Three events of a new coupon. */
async function three(): Promise<void> {
  const id = await stage.claim(template, ALICE);
  const { redemptionId } = await stage.lock([id]);
  await store.coupons.release({ redemptionId, userId: null });
}

async function threeTimes(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await three();
}

/** The publishing of the template comes besides. */
const stored = async (): Promise<StreamEntry[]> => ofCoupons(await streamOf(redis, KEY).catch(() => []));
const holds = (events: number) =>
  until(async () => (await stored()).length === events, `the stream has ${events} events`);

test('every event is in the stream once and in order, told as over HTTP', async () => {
  redis = await startRedis();
  await threeTimes(5);
  await forwarder('A');
  await threeTimes(5);
  await holds(30);
  const events = firsts(await stored());
  expect(events).toHaveLength(30);
  expect(events.slice(0, 1)).toMatchObject([
    { eventId: `${template * 2 ** 32}-1`, userId: ALICE, templateId: String(template), type: 'claimed' },
  ]);
  expect(events.filter(({ type }) => type === 'locked').every(({ redemptionId }) => redemptionId)).toBe(true);
  expect((await streamOf(redis, KEY)).filter(({ couponId }) => couponId === undefined)).toEqual([
    {
      eventId: `template-${template}-1`,
      templateId: String(template),
      sequence: '1',
      type: 'template_published',
      at: expect.stringMatching(/^20.*Z$/),
    },
  ]);
  expect(troubles).toEqual([]);
});

test('who listens hears every event before the stream has it, again when he could not', async () => {
  redis = await startRedis();
  const ahead: boolean[] = [];
  await forwarder('A', (stream) => ({
    position: () => stream.position(),
    append: (from, events, next) => {
      ahead.push(events.every((event) => heard.includes(nameOf(event))));
      return stream.append(from, events, next);
    },
  }));
  await threeTimes(2);
  await holds(6);
  deaf = 2;
  await threeTimes(2);
  await holds(12);
  expect(deaf).toBe(0);
  expect(ahead).not.toContain(false);
  // Of the coupons, and that their template was published.
  expect(new Set(heard).size).toBe(12 + 1);
  expect(troubles.length).toBeGreaterThanOrEqual(2);
});

test('one node does it; when it stops the next one goes on where it was', async () => {
  redis = await startRedis();
  const a = await forwarder('A');
  await three();
  await holds(3);
  const b = await forwarder('B');
  await threeTimes(3);
  await holds(12);
  // Counted once the stream has answered.
  await until(
    () => a.forwarded === 13,
    () => `the first has told ${a.forwarded}`,
  );
  expect(b.forwarded).toBe(0);
  await a.stop(2_000);
  await threeTimes(3);
  await holds(21);
  await until(
    () => b.forwarded === 9,
    () => `the other one has told ${b.forwarded}`,
  );
  expect(a.forwarded).toBe(13);
  expect(firsts(await stored())).toHaveLength(21);
});

test('two that believe they may do it at once put nothing in twice', async () => {
  redis = await startRedis();
  await forwarder('A');
  // The same name: the lease keeps neither away.
  await forwarder('A');
  await threeTimes(30);
  await until(async () => firsts(await stored()).length === 90, 'all are there');
  expect(await stored()).toHaveLength(90);
});

test('an answer that is lost does no harm', async () => {
  redis = await startRedis();
  const random = seeded('lost answers');
  await forwarder('A', (stream) => ({
    position: () => stream.position(),
    append: async (...args) => {
      const before = random.below(3) === 0;
      if (before) throw new Error('lost before');
      const done = await stream.append(...args);
      if (random.below(2) === 0) throw new Error('lost behind');
      return done;
    },
  }));
  await threeTimes(30);
  await until(async () => firsts(await stored()).length === 90, 'all are there');
  expect(await stored()).toHaveLength(90);
  expect(new Set(troubles)).toEqual(new Set(['events could not be passed on']));
});

test('a Redis that is killed and comes back is gone on with', async () => {
  redis = await startRedis({ appendonly: true, appendfsync: 'always' });
  await forwarder('A');
  for (let round = 1; round <= 3; round++) {
    await threeTimes(2);
    await redis.kill();
    await threeTimes(2);
    await redis.restart();
    await until(async () => firsts(await stored()).length === round * 12, 'all are there');
  }
  expect(troubles).toContain('events could not be passed on');
});

test('what an older Redis does not have is put in again', async () => {
  redis = await startRedis({ appendonly: true, appendfsync: 'always' });
  await forwarder('A');
  await threeTimes(2);
  await holds(6);
  const copy = join(home, 'copy');
  redis.copyData(copy);
  await threeTimes(2);
  await holds(12);
  await redis.kill();
  redis.restoreData(copy);
  await redis.restart();
  await three();
  await holds(15);
  expect(firsts(await stored())).toHaveLength(15);
});

test('a Redis that has lost everything is filled again, and that is told', async () => {
  redis = await startRedis();
  await forwarder('A');
  await threeTimes(2);
  await holds(6);
  await redis.kill();
  await redis.restart();
  await three();
  await holds(9);
  expect(firsts(await stored())).toHaveLength(9);
  expect(troubles).toContain('the stream of events is empty: its last ones are put in again');
});
