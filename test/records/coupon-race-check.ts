/** What must hold of the tables after a race, and of all that its clients were told. */
import { COUPON_STATES, EVENT_KINDS, stateAfter } from '../../src/coupons/states.ts';
import type { CouponEvent, CouponState, Redemption } from '../../src/ports-coupons.ts';
import type { CouponRace, Told } from './coupon-race.ts';
import type { CouponStage } from './coupon-stage.ts';

export type RawRow = Readonly<Record<string, string | number | null>>;
/** Reads past the store. */
export type Query = (sql: string) => Promise<readonly RawRow[]>;

const REDEMPTION_STATES = ['locked', 'used', 'released', 'reverted', 'lapsed'];
/** Between the moment a transaction takes for its own and the moment others see what it did. */
const SEEN_LATE_MS = 1500;

export interface Tables {
  readonly coupons: readonly RawRow[];
  readonly events: ReadonlyMap<number, readonly CouponEvent[]>;
  readonly redemptions: ReadonlyMap<number, Redemption & { readonly stored: string }>;
  readonly usages: readonly RawRow[];
  readonly returns: readonly RawRow[];
}

export async function readTables(query: Query): Promise<Tables> {
  const rows = await query(
    `SELECT id, CAST(user_id AS CHAR) AS userId, order_id AS orderId, live_order AS liveOrder, state,
      locked_at AS lockedAt, locked_until AS lockedUntil, used_at AS usedAt, ended_at AS endedAt, frozen, returned
      FROM redemptions`,
  );
  const redemptions = rows.map((row) => ({
    redemptionId: Number(row.id),
    userId: String(row.userId),
    orderId: String(row.orderId),
    state: 'locked' as const,
    stored: REDEMPTION_STATES[Number(row.state)]!,
    lockedAtMs: Number(row.lockedAt),
    lockedUntilMs: Number(row.lockedUntil),
    usedAtMs: row.usedAt === null ? null : Number(row.usedAt),
    endedAtMs: row.endedAt === null ? null : Number(row.endedAt),
    isVerified: true,
    isOfService: true,
    frozen: JSON.parse(String(row.frozen)),
    returned: JSON.parse(String(row.returned)),
  }));
  const events = new Map<number, CouponEvent[]>();
  for (const row of await query('SELECT * FROM coupon_events ORDER BY coupon_id, sequence')) {
    const couponId = Number(row.coupon_id);
    if (!events.has(couponId)) events.set(couponId, []);
    events.get(couponId)!.push({
      eventId: Number(row.id),
      couponId,
      sequence: Number(row.sequence),
      kind: EVENT_KINDS[Number(row.kind)]!,
      atMs: Number(row.at),
      redemptionId: row.redemption_id === null ? null : Number(row.redemption_id),
      detail: null,
    });
  }
  return {
    coupons: await query('SELECT id, state, sequence, redemption_id AS redemptionId FROM coupons'),
    events,
    redemptions: new Map(redemptions.map((one) => [one.redemptionId, one])),
    usages: await query(
      'SELECT redemption_id AS redemptionId, coupon_id AS couponId, reverted_at AS revertedAt FROM usages',
    ),
    returns: await query('SELECT redemption_id AS redemptionId, return_id AS returnId, receipt FROM returns'),
  };
}

/** Faults of the tables among themselves. */
export function faultsOfTables({ coupons, events, redemptions, usages, returns }: Tables): string[] {
  const faults: string[] = [];
  const used = new Set<string>();
  const freed = new Set<string>();
  for (const row of coupons) {
    const id = Number(row.id);
    const history = events.get(id) ?? [];
    const say = (what: string) =>
      faults.push(
        `coupon ${id}: ${what}: ${history.map(({ kind, redemptionId }) => `${kind} ${redemptionId}`)}`,
      );
    if (history.some(({ sequence }, i) => sequence !== i + 2)) say('a gap');
    if (stateAfter(history.map(({ kind }) => kind)) !== COUPON_STATES[Number(row.state)])
      say(`the row says ${COUPON_STATES[Number(row.state)]}`);
    if (Number(row.sequence) !== history.length + 1) say(`the row says sequence ${row.sequence}`);
    let holder = 0;
    for (const { kind, redemptionId } of history) {
      if (kind === 'locked') holder = redemptionId!;
      else if (redemptionId !== null && redemptionId !== holder) say(`${kind} by ${redemptionId}`);
      if (kind === 'used') used.add(`${holder}/${id}`);
      if (kind === 'reverted') freed.add(`${holder}/${id}`);
    }
    if (Number(row.redemptionId) !== holder) say(`the row says redemption ${row.redemptionId}`);
    const redemption = redemptions.get(holder);
    const state = COUPON_STATES[Number(row.state)]!;
    if (state === 'locked' && redemption?.stored !== 'locked') say(`locked by a ${redemption?.stored} one`);
    if (state === 'used' && redemption?.stored !== 'used') say(`used by a ${redemption?.stored} one`);
  }
  const rows = new Map(coupons.map((row) => [Number(row.id), row]));
  const liveOrders = new Set<string>();
  for (const { redemptionId, stored, usedAtMs, frozen, returned, userId, orderId } of redemptions.values()) {
    const say = (what: string) => faults.push(`redemption ${redemptionId} (${stored}): ${what}`);
    const isLive = stored === 'locked' || stored === 'used';
    if (isLive && liveOrders.has(`${userId} ${orderId}`)) say('another one of its order is live');
    if (isLive) liveOrders.add(`${userId} ${orderId}`);
    const receipts = returns
      .filter((row) => Number(row.redemptionId) === redemptionId)
      .map(({ receipt }) => JSON.parse(String(receipt)));
    const isRestored = receipts.some(({ couponsRestored }) => couponsRestored);
    for (const { couponId } of frozen.coupons) {
      const row = rows.get(couponId)!;
      const isHeld = Number(row.redemptionId) === redemptionId && [1, 2].includes(Number(row.state));
      if (isHeld !== (isLive && !isRestored)) say(`coupon ${couponId} is ${isHeld ? '' : 'not '}held`);
      const place = `${redemptionId}/${couponId}`;
      if (used.has(place) !== (usedAtMs !== null)) say(`used at ${usedAtMs}, coupon ${couponId} otherwise`);
    }
    const sum = (field: string) => receipts.reduce((total, receipt) => total + receipt[field], 0);
    if (sum('refund') !== returned.refunded) say('refunds do not add up');
    if (sum('shippingRefund') !== returned.shippingRefunded) say('refunds of the fee do not add up');
    const { quote } = frozen;
    if (returned.refunded > quote.goodsPayable) say('more came back than was paid');
    const isAll = receipts.some(({ leavesNothing }) => leavesNothing);
    if (isAll && returned.refunded !== quote.goodsPayable) say('all is back but not all of the money');
  }
  const recorded = new Set(usages.map((row) => `${row.redemptionId}/${row.couponId}`));
  for (const place of used) if (!recorded.has(place)) faults.push(`use ${place} has no record`);
  for (const place of recorded) if (!used.has(place)) faults.push(`record ${place} is of no use`);
  for (const row of usages) {
    const place = `${row.redemptionId}/${row.couponId}`;
    if ((row.revertedAt !== null) !== freed.has(place))
      faults.push(`record ${place} reverted at ${row.revertedAt}`);
  }
  return faults;
}

/** Faults of what clients were told, as far as it can be known when it was decided. */
export function faultsOfTold(race: CouponRace, tables: Tables): string[] {
  const faults: string[] = [];
  const made = new Set<number>();
  const refunds = new Map<number, number>();
  const receipts = new Map<string, string>();
  for (const one of race.told) {
    if (one.call === 'void' || one.call === 'sweep') continue;
    const say = (what: string) => faults.push(`${what}: ${JSON.stringify(one)}`);
    if (one.call === 'lock') {
      const why = wrongLock(one, tables, race.coupons);
      if (why !== null) say(why);
      if (one.outcome.kind !== 'locked' || one.outcome.isRepeat) continue;
      if (made.has(one.outcome.redemption.redemptionId)) say('made twice');
      made.add(one.outcome.redemption.redemptionId);
      continue;
    }
    const found = tables.redemptions.get(one.id);
    if (found === undefined) {
      say('no such redemption');
      continue;
    }
    const { outcome } = one;
    if (outcome.kind === 'refused') {
      if (!mayRefuse(one, outcome.code, found)) say(`refused although it is ${found.stored}`);
      continue;
    }
    const wasUsed = found.usedAtMs !== null;
    const end = { use: ['used', 'reverted'], release: ['released', 'reverted'], revert: ['reverted'] };
    const ends: readonly string[] | undefined = end[one.call as 'use'];
    if (ends !== undefined && !ends.includes(found.stored)) say(`it is ${found.stored} in the end`);
    if (one.call === 'use' && !wasUsed) say('it has never been used');
    if (one.call === 'revert') {
      const { refund } = one.outcome as { refund: number };
      const { returned, frozen } = found;
      const rest = wasUsed ? frozen.quote.payable - returned.refunded - returned.shippingRefunded : 0;
      if (refund !== rest) say(`${rest} is the rest`);
      if ((refunds.get(one.id) ?? refund) !== refund) say('refunded otherwise before');
      refunds.set(one.id, refund);
    }
    if (one.call === 'return' && outcome.kind === 'moved') {
      const place = `${one.id}/${one.returnId}`;
      const receipt = JSON.stringify((outcome as { receipt: object }).receipt);
      if ((receipts.get(place) ?? receipt) !== receipt) say('another receipt before');
      receipts.set(place, receipt);
      if (!tables.returns.some((row) => `${row.redemptionId}/${row.returnId}` === place))
        say('no such return');
    }
  }
  return faults;
}

type Lock = Extract<Told, { call: 'lock' }>;

function wrongLock(one: Lock, tables: Tables, holders: ReadonlyMap<number, string>): string | null {
  const { request, outcome } = one;
  const asked = [...request.couponIds].sort().join();
  if (outcome.kind === 'missing') return 'all of them are stored';
  if (outcome.kind === 'locked') {
    const { frozen, redemptionId } = outcome.redemption;
    const { state } = outcome.redemption;
    const locked = frozen.coupons.map(({ couponId }) => couponId).sort();
    if (locked.join() !== asked) return 'other coupons';
    if (!tables.redemptions.has(redemptionId)) return 'no such redemption';
    if (request.use && request.key === null && state !== 'used') return 'not used';
    return null;
  }
  switch (outcome.code) {
    case 'no_coupon':
      return asked === '' ? null : 'there were some';
    case 'coupon_locked': {
      const wrong = outcome.couponIds.find((id) => !wasIn('locked', id, one, tables));
      return wrong === undefined ? null : `coupon ${wrong} was not locked then`;
    }
    case 'not_applicable':
      for (const { couponId, reason } of outcome.quote.coupons) {
        const isMine = holders.get(couponId) === request.userId;
        if ((reason === 'not_found') === isMine) return `coupon ${couponId} is ${isMine ? '' : 'not '}theirs`;
        if (reason !== 'used' && reason !== 'voided') continue;
        if (!wasIn(reason, couponId, one, tables)) return `coupon ${couponId} was not ${reason} then`;
      }
      return null;
    case 'order_changed':
      return request.replace && outcome.redemption.state === 'locked' && !outcome.redemption.isOfService
        ? 'it should have been replaced'
        : null;
    case 'idempotency_conflict':
      return request.key === null ? 'there was no key' : null;
    default:
      return outcome.code;
  }
}

/** Whether the coupon was in this state at some moment of the call, as others may have seen it. */
function wasIn(state: CouponState, couponId: number, { startMs, endMs }: Lock, { events }: Tables): boolean {
  const history = events.get(couponId) ?? [];
  return history.some(({ atMs }, i) => {
    if (stateAfter(history.slice(0, i + 1).map(({ kind }) => kind)) !== state) return false;
    const next = history[i + 1];
    return atMs <= endMs + 5 && (next === undefined || next.atMs + SEEN_LATE_MS >= startMs);
  });
}

function mayRefuse(one: Told, code: string, found: Redemption & { stored: string }): boolean {
  const { stored, usedAtMs, lockedUntilMs } = found;
  switch (code) {
    case 'released':
      return usedAtMs === null && (stored === 'released' || stored === 'reverted');
    case 'reverted':
      return stored === 'reverted';
    case 'already_used':
      return usedAtMs !== null;
    case 'not_used':
      return usedAtMs === null || usedAtMs + SEEN_LATE_MS >= one.startMs;
    case 'lock_expired':
      return lockedUntilMs <= one.endMs + 5;
    case 'order_changed':
      return one.call === 'use' && one.isWrong;
    case 'invalid_return':
    case 'idempotency_conflict':
      return one.call === 'return';
    case 'forbidden':
      return one.call === 'release';
    default:
      return false;
  }
}

export interface RaceFigures {
  readonly calls: number;
  readonly changed: number;
  readonly slowestMs: number;
  readonly failed: number;
}

export function figuresOf(race: CouponRace): RaceFigures {
  const { told, failed, changed } = race;
  const slowestMs = told.reduce((most, { startMs, endMs }) => Math.max(most, endMs - startMs), 0);
  return { calls: told.length, changed, slowestMs, failed };
}

/** All of it. */
export async function faultsAfter(race: CouponRace, stage: CouponStage, query: Query): Promise<string[]> {
  const tables = await readTables(query);
  const faults = [...faultsOfTables(tables), ...faultsOfTold(race, tables)];
  for (const couponId of race.coupons.keys()) {
    const shown = await stage.coupons.history(couponId);
    if (shown.length !== (tables.events.get(couponId) ?? []).length) faults.push(`history of ${couponId}`);
  }
  return faults;
}
