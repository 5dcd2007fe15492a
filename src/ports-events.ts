/**
 * What became of coupons, templates and activities, in an order to be told on. Of each the sequences rise by one, and of
 * a coupon `claimed` comes first; of different ones nothing is promised. A position is where to read on; nothing is left
 * out and, from one position to the next, nothing comes twice.
 */
import type { CatalogEventKind, CatalogSubject } from './domain/lifecycle.ts';
import type { CouponEventKind } from './ports-coupons.ts';

export type StoredEvent = StoredCouponEvent | StoredCatalogEvent;

export interface StoredCouponEvent {
  readonly subject: 'coupon';
  readonly couponId: number;
  /** Unsigned 63-bit, decimal. */
  readonly userId: string;
  readonly templateId: number;
  readonly activityId: number | null;
  /** Counts the events of the coupon; 1 is its claim. */
  readonly sequence: number;
  readonly kind: CouponEventKind;
  readonly atMs: number;
  readonly redemptionId: number | null;
  /** A reason, where one was given. */
  readonly detail: string | null;
}

export interface StoredCatalogEvent {
  readonly subject: CatalogSubject;
  readonly templateId: number;
  /** null: it is of the template itself. */
  readonly activityId: number | null;
  /** Counts the events of the template or activity, from 1 on. */
  readonly sequence: number;
  readonly kind: CatalogEventKind;
  readonly atMs: number;
  /** Units told of: so many of the template are ready, so many of the activity are sold. */
  readonly stock: number | null;
}

/** template: units below this serial are as ready as a claim needs them to be. activity: all of its units are claimed. */
export interface StockReport {
  readonly subject: CatalogSubject;
  readonly id: number;
  readonly stock: number;
}

export interface EventPage {
  readonly events: readonly StoredEvent[];
  /** domain/event-position.ts */
  readonly next: string;
  /** There may be more to read at once. */
  readonly more: boolean;
  /** What comes next waits for a transaction that is under way, or for the proof that there is none. */
  readonly held: boolean;
}

export interface Told {
  readonly events: number;
  /** There may be more that is due. */
  readonly more: boolean;
}

/** Whoever reads for good, by a name; one at a time. */
export interface EventReader {
  /** Up to where it has passed events on; null: it has not begun. */
  readonly position: string | null;
}

export interface EventStore {
  /** `position`: the text of one, or it throws. */
  read(position: string, limit: number): Promise<EventPage>;
  /** Whatever is stored from now on stands behind it; a little of what was stored just now may, too. */
  end(): Promise<string>;
  /** A position with about `count` claims and `count` other events between it and the given one. */
  before(position: string, count: number): Promise<string>;

  /**
   * Writes the events of what nodes learn from their memory, each once whoever says it and however often. → for each
   * whether it is written by now; where not, what is stored is something else, or nothing yet.
   */
  tellStock(reports: readonly StockReport[]): Promise<boolean[]>;
  /**
   * Writes what the clock has brought about for templates and activities, `limit` of them at most, the oldest first.
   * Nodes may do it at once.
   */
  tellDue(limit: number): Promise<Told>;

  /** For `leaseMs` from now on, by the store's clock; null: another holder has it. The one who has it may prolong it. */
  takeReader(name: string, holder: string, leaseMs: number): Promise<EventReader | null>;
  /** false: the lease is another's by now, and nothing was changed. */
  moveReader(name: string, holder: string, position: string): Promise<boolean>;
  /** So that another one need not wait for the lease to end. */
  leaveReader(name: string, holder: string): Promise<void>;
}
