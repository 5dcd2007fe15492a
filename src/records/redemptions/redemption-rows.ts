/** Redemptions as the tables hold them. */
import type { Frozen, Redemption, RedemptionState, ReturnTotals } from '../../ports-coupons.ts';
import { frozenOf, textOf } from './frozen-text.ts';
import { type Cell, type Dialect, row, rows, run, type Steps, type Value } from './steps.ts';

/** The number a stored state has, never to be changed. `lapsed`: a lock that was released because its time had passed. */
export const STORED = ['locked', 'used', 'released', 'reverted', 'lapsed'] as const;
export type Stored = (typeof STORED)[number];

const COLUMNS = `id, CAST(user_id AS CHAR), order_id, state, locked_at, locked_until, used_at, ended_at,
  is_verified, is_of_service, frozen, returned, fingerprint, gid`;

/** As stored, with what a call needs beside what callers are shown. */
export interface RedemptionRecord {
  readonly redemption: Redemption;
  /** `locked` also when it has lapsed and nobody has written so yet. */
  readonly stored: Stored;
  readonly fingerprint: string;
  /** Of the saga that made it. */
  readonly gid: string | null;
}

export function recordOf(cells: Cell[], nowMs: number): RedemptionRecord {
  const [id, userId, orderId, state, lockedAt, lockedUntil, usedAt, endedAt, verified, service] = cells;
  const stored = STORED[Number(state)]!;
  const lockedUntilMs = Number(lockedUntil);
  const shown: RedemptionState = stored === 'locked' && lockedUntilMs <= nowMs ? 'lapsed' : stored;
  return {
    stored,
    fingerprint: String(cells[12]),
    gid: cells[13] === null ? null : String(cells[13]),
    redemption: {
      redemptionId: Number(id),
      userId: String(userId),
      orderId: String(orderId),
      state: shown,
      lockedAtMs: Number(lockedAt),
      lockedUntilMs,
      usedAtMs: usedAt === null ? null : Number(usedAt),
      endedAtMs: endedAt === null ? null : Number(endedAt),
      isVerified: Number(verified) === 1,
      isOfService: Number(service) === 1,
      frozen: frozenOf(String(cells[10])),
      returned: JSON.parse(String(cells[11])) as ReturnTotals,
    },
  };
}

/** Ascending. */
export function couponIdsOf({ frozen }: Redemption): number[] {
  return frozen.coupons.map(({ couponId }) => couponId).sort((a, b) => a - b);
}

export function* readRedemption(db: Dialect, id: number, nowMs: number): Steps<RedemptionRecord | null> {
  const found = yield* row(`SELECT ${COLUMNS} FROM redemptions WHERE id = ?${db.forUpdate}`, [id]);
  return found === null ? null : recordOf(found, nowMs);
}

/** The one of an order that is locked, lapsed without anybody having written so, or used. */
export function* readLive(
  db: Dialect,
  userId: string,
  orderId: string,
  nowMs: number,
): Steps<RedemptionRecord | null> {
  const sql = `SELECT ${COLUMNS} FROM redemptions
    WHERE user_id = CAST(? AS SIGNED) AND live_order = ?${db.forUpdate}`;
  const found = yield* row(sql, [userId, orderId]);
  return found === null ? null : recordOf(found, nowMs);
}

export function* readByKey(userId: string, key: string, nowMs: number): Steps<RedemptionRecord | null> {
  const sql = `SELECT ${COLUMNS} FROM redemptions WHERE user_id = CAST(? AS SIGNED) AND idempotency_key = ?`;
  const found = yield* row(sql, [userId, key]);
  return found === null ? null : recordOf(found, nowMs);
}

/** What a saga made for an order, the oldest first. */
export function* readOfSaga(
  db: Dialect,
  userId: string,
  orderId: string,
  gid: string,
  nowMs: number,
): Steps<RedemptionRecord[]> {
  const sql = `SELECT ${COLUMNS} FROM redemptions
    WHERE user_id = CAST(? AS SIGNED) AND gid = ? AND order_id = ? ORDER BY id${db.forUpdate}`;
  return (yield* rows(sql, [userId, gid, orderId])).map((cells) => recordOf(cells, nowMs));
}

export function* readOfOrder(orderId: string, userId: string | null, nowMs: number): Steps<Redemption[]> {
  const mine = userId === null ? '' : ' AND user_id = CAST(? AS SIGNED)';
  const sql = `SELECT ${COLUMNS} FROM redemptions WHERE order_id = ?${mine} ORDER BY id DESC LIMIT 200`;
  const found = yield* rows(sql, userId === null ? [orderId] : [orderId, userId]);
  return found.map((cells) => recordOf(cells, nowMs).redemption);
}

export interface NewRedemption {
  readonly userId: string;
  readonly orderId: string;
  readonly lockedAtMs: number;
  readonly lockedUntilMs: number;
  readonly isOfService: boolean;
  readonly key: string | null;
  readonly fingerprint: string;
  readonly gid: string | null;
  readonly frozen: Frozen;
}

/** → as it stands there. */
export function* insertRedemption(one: NewRedemption): Steps<RedemptionRecord> {
  const totals: ReturnTotals = {
    units: one.frozen.order.lines.map(() => 0),
    refunded: 0,
    shippingRefunded: 0,
  };
  const { insertId } = yield* run(
    `INSERT INTO redemptions (user_id, order_id, live_order, state, locked_at, locked_until, used_at, ended_at,
      is_verified, is_of_service, frozen, returned, idempotency_key, fingerprint, gid)
      VALUES (CAST(? AS SIGNED), ?, ?, 0, ?, ?, NULL, NULL, ?, ?, ?, ?, ?, ?, ?)`,
    [
      one.userId,
      one.orderId,
      one.orderId,
      one.lockedAtMs,
      one.lockedUntilMs,
      one.isOfService ? 1 : 0,
      one.isOfService ? 1 : 0,
      textOf(one.frozen),
      JSON.stringify(totals),
      one.key,
      one.fingerprint,
      one.gid,
    ],
  );
  const { userId, orderId, lockedAtMs, lockedUntilMs, isOfService, frozen, fingerprint, gid } = one;
  return {
    redemption: {
      redemptionId: insertId,
      userId,
      orderId,
      state: 'locked',
      lockedAtMs,
      lockedUntilMs,
      usedAtMs: null,
      endedAtMs: null,
      isVerified: isOfService,
      isOfService,
      frozen,
      returned: totals,
    },
    stored: 'locked',
    fingerprint,
    gid,
  };
}

interface Change {
  readonly sql: string;
  /** The same as callers see it. */
  readonly of: (atMs: number) => Partial<Redemption>;
}

const END: Change = { sql: 'ended_at = ?, live_order = NULL', of: (endedAtMs) => ({ endedAtMs }) };
const CHANGES: Readonly<Record<Stored, Change>> = {
  locked: { sql: 'locked_until = ?', of: (lockedUntilMs) => ({ lockedUntilMs }) },
  used: {
    sql: 'used_at = ?, is_verified = 1, live_order = order_id',
    of: (usedAtMs) => ({ usedAtMs, isVerified: true }),
  },
  released: END,
  reverted: END,
  lapsed: END,
};

/** Guarded by the state it was read in. `atMs`: of the change; of `locked`, until when. → as it is then. */
export function* moveRedemption(
  { redemption, stored }: RedemptionRecord,
  to: Stored,
  atMs: number,
): Steps<Redemption> {
  const { redemptionId } = redemption;
  const { sql, of } = CHANGES[to];
  const values: Value[] = [STORED.indexOf(to), atMs, redemptionId, STORED.indexOf(stored)];
  const moved = yield* run(`UPDATE redemptions SET state = ?, ${sql} WHERE id = ? AND state = ?`, values);
  if (moved.matched !== 1)
    throw new Error(`redemption ${redemptionId} was moved to ${to} by somebody else although it was locked`);
  return { ...redemption, state: to, ...of(atMs) };
}

export function* keepReturned(redemptionId: number, totals: ReturnTotals): Steps<void> {
  yield* run('UPDATE redemptions SET returned = ? WHERE id = ?', [JSON.stringify(totals), redemptionId]);
}
