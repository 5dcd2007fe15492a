import { setTimeout as pause } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { POSITION_START } from '../../src/domain/event-position.ts';
import { EVENT_GAP_MS } from '../../src/limits.ts';
import type { EventPage, StoredCouponEvent } from '../../src/ports-events.ts';
import { type MysqlStore, openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import { type Database, newDatabase } from '../services/mysql.ts';
import { seeded } from '../support/random.ts';
import { query } from '../support/rows.ts';
import { until } from '../support/wait.ts';
import { batchOf, entriesOf } from './batches.ts';
import { ALICE, BOB, CouponStage } from './coupon-stage.ts';
import { checkOrder, eventStoreContract, nameOf, ofCoupons, readOn } from './event-store-contract.ts';

eventStoreContract('MySQL', async () => {
  const database = await newDatabase();
  return { open: () => openMysqlStore(database.url), dispose: () => database.drop() };
});

describe('ids that are given out and not committed', () => {
  let database: Database;
  let store: MysqlStore;
  let stage: CouponStage;
  let slow: mysql.Connection;
  let template: number;

  beforeEach(async () => {
    database = await newDatabase();
    store = await openMysqlStore(database.url);
    stage = new CouponStage(store);
    slow = await mysql.createConnection({ uri: database.url });
    template = await stage.template();
  });

  afterEach(async () => {
    slow.destroy();
    await store.close();
    await database.drop();
  });

  /** An event of a coupon in a transaction that stays open. */
  async function expireSlowly(couponIds: readonly number[]): Promise<void> {
    await slow.query('START TRANSACTION');
    await slow.query('UPDATE coupons SET state = 3, sequence = sequence + 1 WHERE id IN (?)', [couponIds]);
    const rows = couponIds.map((id) => [id, 2, 6, 1]);
    await slow.query('INSERT INTO coupon_events (coupon_id, sequence, kind, at) VALUES ?', [rows]);
  }

  /** Looks until it may look again no sooner than a gap is old. */
  async function lookLong(position: string): Promise<EventPage[]> {
    const pages: EventPage[] = [];
    const untilMs = Date.now() + EVENT_GAP_MS + 800;
    while (Date.now() < untilMs) {
      pages.push(await store.events.read(position, 100));
      await pause(100);
    }
    return pages;
  }

  async function unheld(position: string): Promise<EventPage> {
    return until(async () => {
      const page = await store.events.read(position, 100);
      return !page.held && page;
    }, 'nothing is waited for');
  }

  test('later ones wait for the event however long its transaction takes', async () => {
    const [a, b, c] = [
      await stage.claim(template, ALICE),
      await stage.claim(template, ALICE),
      await stage.claim(template, BOB),
    ];
    await stage.lock([b]);
    await expireSlowly([a]);
    await stage.lock([c], { userId: BOB });
    for (const page of await lookLong(POSITION_START)) {
      expect(ofCoupons(page.events).map(nameOf)).toEqual([
        '0-1 claimed',
        '1-1 claimed',
        '2-1 claimed',
        '1-2 locked',
      ]);
      expect([page.held, page.more]).toEqual([true, false]);
    }
    const { next } = await store.events.read(POSITION_START, 100);
    expect((await store.events.read(next, 100)).events).toEqual([]);
    await slow.query('COMMIT');
    const page = await unheld(next);
    expect(ofCoupons(page.events).map(nameOf)).toEqual(['0-2 expired', '2-2 locked']);
    expect((await store.events.read(page.next, 100)).events).toEqual([]);
  });

  test('what was undone is not waited for once that is sure', async () => {
    const ids: number[] = [];
    for (let i = 0; i < 4; i++) ids.push(await stage.claim(template, ALICE));
    await stage.lock([ids[0]!]);
    await expireSlowly([ids[1]!, ids[2]!]);
    await stage.lock([ids[3]!]);
    await slow.query('ROLLBACK');
    const begunMs = Date.now();
    const first = await store.events.read(POSITION_START, 100);
    expect(first.held).toBe(true);
    const page = await unheld(first.next);
    expect(Date.now() - begunMs).toBeGreaterThanOrEqual(EVENT_GAP_MS - 50);
    expect(ofCoupons(page.events).map(nameOf)).toEqual(['3-2 locked']);
    // From the beginning it is known at once.
    const all = await store.events.read(POSITION_START, 100);
    expect([all.held, ofCoupons(all.events).length]).toEqual([false, 6]);
  });

  test('a dead gap before a live one is passed, the live one is not', async () => {
    const ids: number[] = [];
    for (let i = 0; i < 5; i++) ids.push(await stage.claim(template, ALICE));
    await expireSlowly([ids[0]!]);
    await slow.query('ROLLBACK');
    await stage.lock([ids[1]!]);
    await expireSlowly([ids[2]!]);
    await stage.lock([ids[3]!]);
    const pages = await lookLong(POSITION_START);
    expect(ofCoupons(pages.at(-1)!.events).map(nameOf).slice(5)).toEqual(['1-2 locked']);
    expect(pages.at(-1)!.held).toBe(true);
    await slow.query('COMMIT');
    const page = await unheld(pages.at(-1)!.next);
    expect(ofCoupons(page.events).map(nameOf)).toEqual(['2-2 expired', '3-2 locked']);
  });

  test('blocks and all events wait for a block of another log', async () => {
    const a = await stage.claim(template, ALICE);
    const { next: before } = await readOn(store.events, POSITION_START);
    await slow.query('START TRANSACTION');
    const entries = entriesOf([{ templateId: template, serial: 900, user: BOB, atMs: 1 }]);
    await slow.query(
      'INSERT INTO claim_blocks (log_id, to_offset, entry_bytes, entries) VALUES (7, 100, ?, ?)',
      [entries.length, Buffer.from(entries)],
    );
    // Another process, which does not know of the block that could be grown.
    await store.close();
    store = await openMysqlStore(database.url);
    const batch = { templateId: template, serial: 1, user: ALICE, atMs: Date.now() };
    const [mark] = await store.watermarks();
    expect(await store.commitClaims(batchOf(mark!.logId, mark!.offset, [batch]))).toEqual({
      kind: 'committed',
    });
    const b = template * 2 ** 32 + 1;
    await store.coupons.lock(stage.request([a]));
    await store.coupons.lock(stage.request([b]));
    for (const page of await lookLong(before)) {
      expect(page.events).toEqual([]);
      expect(page.held).toBe(true);
    }
    await slow.query('COMMIT');
    const page = await unheld(before);
    expect(ofCoupons(page.events).map(nameOf)).toEqual([
      '900-1 claimed',
      '1-1 claimed',
      '0-2 locked',
      '1-2 locked',
    ]);
  });

  test('events of templates wait for one of theirs, and those of coupons go on', async () => {
    const end = await store.events.end();
    await slow.query('START TRANSACTION');
    await slow.query(
      'INSERT INTO catalog_events (subject, subject_id, template_id, sequence, kind, at) VALUES (0, 99, 99, 1, 0, 1)',
    );
    const other = await stage.template();
    await stage.lock([await stage.claim(other, ALICE)]);
    for (const page of await lookLong(end)) {
      expect(page.events.map(({ kind }) => kind)).toEqual(['claimed', 'locked']);
      expect([page.held, page.more]).toEqual([true, false]);
    }
    const { next } = await store.events.read(end, 100);
    await slow.query('COMMIT');
    const page = await unheld(next);
    expect(page.events.map(({ subject, templateId }) => [subject, templateId])).toEqual([
      ['template', 99],
      ['template', other],
    ]);
  });

  test('an end is before what is under way', async () => {
    const ids: number[] = [];
    for (let i = 0; i < 3; i++) ids.push(await stage.claim(template, ALICE));
    await stage.lock([ids[0]!]);
    await expireSlowly([ids[1]!]);
    await stage.lock([ids[2]!]);
    const end = await store.events.end();
    await slow.query('COMMIT');
    const page = await unheld(end);
    expect(ofCoupons(page.events).map(nameOf)).toEqual(['1-2 expired', '2-2 locked']);
  });
});

test('while many write at once, nothing is stepped over and no coupon is told out of order', async () => {
  const database = await newDatabase();
  const [one, other] = [await openMysqlStore(database.url), await openMysqlStore(database.url)];
  const reader = await openMysqlStore(database.url);
  const stage = new CouponStage(one);
  const template = await stage.template();
  const random = seeded('many writers');
  let serial = 0;
  let writing = true;
  /** Claims of one log, and what becomes of them; now and then a transaction comes to nothing. */
  const write = async (store: MysqlStore, logId: number): Promise<void> => {
    let offset = 0;
    for (let round = 0; round < 25; round++) {
      const claims = Array.from({ length: 1 + random.below(4) }, () => {
        return { templateId: template, serial: serial++, user: ALICE, atMs: Date.now() };
      });
      const batch = batchOf(logId, offset, claims);
      expect(await store.commitClaims(batch)).toEqual({ kind: 'committed' });
      offset = batch.toOffset;
      const ids = claims.map(({ serial }) => template * 2 ** 32 + serial);
      const locked = await store.coupons.lock(stage.request(ids.slice(0, 1)));
      if (locked.kind !== 'locked') throw new Error(JSON.stringify(locked));
      const { redemptionId } = locked.redemption;
      if (random.below(2) === 0) await store.coupons.use({ redemptionId, order: null, paidAtMs: null });
      else await store.coupons.release({ redemptionId, userId: null });
      if (random.below(4) === 0) await undone(database.url, ids[0]!);
    }
  };
  const seen: StoredCouponEvent[] = [];
  const read = async (): Promise<void> => {
    let position = POSITION_START;
    for (;;) {
      const last = !writing;
      const page = await reader.events.read(position, 1 + random.below(30));
      seen.push(...ofCoupons(page.events));
      position = page.next;
      if (last && !page.held && !page.more && page.events.length === 0) return;
      // A reader that never rests takes the core from those that write.
      if (page.events.length === 0) await pause(2);
    }
  };
  const reading = read();
  try {
    await Promise.all([1, 2, 3, 4, 5, 6].map((logId) => write(logId % 2 === 0 ? one : other, logId)));
    writing = false;
    await reading;
    checkOrder(seen);
    const [{ events, claims }] = (await query(
      database.url,
      'SELECT (SELECT COUNT(*) FROM coupon_events) AS events, (SELECT COUNT(*) FROM coupons) AS claims',
    )) as [Record<string, string>];
    expect(seen).toHaveLength(Number(events) + Number(claims));
    expect(new Set(seen.map(nameOf)).size).toBe(seen.length);
  } finally {
    writing = false;
    await Promise.all([one.close(), other.close(), reader.close()]);
    await database.drop();
  }
}, 120_000);

/** Takes ids of both tables and gives them up again. */
async function undone(url: string, couponId: number): Promise<void> {
  const connection = await mysql.createConnection({ uri: url });
  await connection.query('START TRANSACTION');
  await connection.query('INSERT INTO coupon_events (coupon_id, sequence, kind, at) VALUES (?, 99, 6, 1)', [
    couponId,
  ]);
  await connection.query(
    "INSERT INTO claim_blocks (log_id, to_offset, entry_bytes, entries) VALUES (99, 1, 0, '')",
  );
  await connection.query('ROLLBACK');
  await connection.end();
}
