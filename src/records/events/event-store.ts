/**
 * The outboxes and the blocks of claims read as one row of events.
 *
 * Events of templates and activities are few and come first on a page; no order holds between them and those of coupons,
 * and neither waits for the other.
 *
 * Events of coupons are read first and blocks afterwards, and what the blocks have is given out before the events: the
 * claim of a coupon is committed before anything else can become of it, so its block is visible by then. Where not all
 * visible claims could be given out, because the page is full or an id is missing, events wait for the next page.
 */
import { EVENT_KINDS } from '../../coupons/states.ts';
import { type EventPosition, parsePosition, positionText } from '../../domain/event-position.ts';
import type { EventPage, EventStore, StoredCouponEvent } from '../../ports-events.ts';
import { catalogTelling } from '../catalog-events/telling.ts';
import type { Transact } from '../redemptions/coupon-steps.ts';
import type { Cell, Dialect } from '../redemptions/steps.ts';
import { leaveReader, moveReader, takeReader } from './event-readers.ts';
import type { EventSql } from './event-sql.ts';
import { blocksBefore, endOfBlocks, readBlocks } from './read-blocks.ts';
import { readCatalogEvents } from './read-catalog.ts';

const EVENTS = `SELECT e.id, e.coupon_id, CAST(c.user_id AS CHAR), c.template_id, c.activity_id, e.sequence, e.kind,
    e.at, e.redemption_id, e.detail
  FROM (SELECT * FROM coupon_events WHERE id > ? ORDER BY id LIMIT ?) e
  JOIN coupons c ON c.id = e.coupon_id ORDER BY e.id`;

export function eventStore(sql: EventSql, db: Dialect, transact: Transact): EventStore {
  return {
    read: (position, limit) => read(sql, position, limit),
    end: async () => {
      // In this order: the other way round, an event could be behind the end and its coupon's claim before it too late.
      const event = await sql.endOfIds('coupon_events');
      const catalog = await sql.endOfIds('catalog_events');
      return positionText({ event, catalog, ...(await endOfBlocks(sql)) });
    },
    before: async (position, count) => {
      const { event, block, catalog } = positionOf(position);
      return positionText({
        event: Math.max(0, event - count),
        block: await blocksBefore(sql, block, count),
        catalog: Math.max(0, catalog - count),
        open: new Map(),
      });
    },
    ...catalogTelling(sql, db, transact),
    takeReader: (name, holder, leaseMs) => transact(() => takeReader(db, name, holder, leaseMs)),
    moveReader: (name, holder, position) => transact(() => moveReader(db, name, holder, position)),
    leaveReader: (name, holder) => transact(() => leaveReader(name, holder)),
  };
}

async function read(sql: EventSql, from: string, limit: number): Promise<EventPage> {
  const position = positionOf(from);
  const ofCatalog = await readCatalogEvents(sql, position.catalog, limit);
  const room = limit - ofCatalog.events.length;
  const ofCoupons = room === 0 ? unread(position) : await readCoupons(sql, position, room);
  const ends = [ofCatalog.end, ofCoupons.end];
  return {
    events: [...ofCatalog.events, ...ofCoupons.events],
    next: positionText({ ...ofCoupons.position, catalog: ofCatalog.catalog }),
    more: ends.includes('full'),
    held: ends.includes('held'),
  };
}

interface CouponsRead {
  readonly events: StoredCouponEvent[];
  readonly position: Omit<EventPosition, 'catalog'>;
  readonly end: 'all' | 'full' | 'held';
}

function unread({ event, block, open }: EventPosition): CouponsRead {
  return { events: [], position: { event, block, open }, end: 'full' };
}

async function readCoupons(sql: EventSql, position: EventPosition, limit: number): Promise<CouponsRead> {
  const rows = await sql.rows(EVENTS, [position.event, limit]);
  const ids = rows.map(([id]) => Number(id));
  const settled = sql.gaps === null ? ids.length : await sql.gaps.events.settled(position.event, ids);
  const claims = await readBlocks(sql, position, limit);
  const count = claims.end === 'all' ? Math.min(settled, limit - claims.events.length) : 0;
  const events = [...claims.events, ...rows.slice(0, count).map(eventOf)];
  const held = claims.end === 'held' || (claims.end === 'all' && count === settled && settled < ids.length);
  const isFull = claims.end === 'full' || rows.length === limit || count < settled;
  return {
    events,
    position: {
      event: count === 0 ? position.event : ids[count - 1]!,
      block: claims.block,
      open: claims.open,
    },
    end: held ? 'held' : isFull ? 'full' : 'all',
  };
}

function positionOf(text: string): EventPosition {
  const position = parsePosition(text);
  if (position === null) throw new Error(`${JSON.stringify(text)} is no position among events`);
  return position;
}

function eventOf(cells: Cell[]): StoredCouponEvent {
  const [, couponId, userId, templateId, activityId, sequence, kind, at, redemptionId, detail] = cells;
  return {
    subject: 'coupon',
    couponId: Number(couponId),
    userId: String(userId),
    templateId: Number(templateId),
    activityId: Number(activityId) || null,
    sequence: Number(sequence),
    kind: EVENT_KINDS[Number(kind)]!,
    atMs: Number(at),
    redemptionId: redemptionId === null ? null : Number(redemptionId),
    detail: detail === null ? null : String(detail),
  };
}
