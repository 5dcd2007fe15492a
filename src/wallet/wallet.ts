/**
 * A user's coupons: what the record store has, together with what was acknowledged and is not flushed yet.
 *
 * The owners' shared tables know every claim, the store knows what became of it. Both are walked newest first side by
 * side: a claim that the store's rows lack at its place was not stored when they were read, and is shown from memory.
 * Memory is looked at first, so nothing acknowledged is missed, however old the rows are; and all rows are read
 * whatever status is asked for, because only then what is lacking is known to be lacking.
 *
 * Most templates have nothing that rows could lack: not looked into are those whose claims were all stored before the
 * oldest rows were read that may be answered.
 */
import { partitionOf } from '../actors/placement.ts';
import { UNKNOWN } from '../actors/user-table.ts';
import { couponCodeText, heldSerials } from '../claims/claim-text.ts';
import type { TemplateView } from '../claims/template-view.ts';
import { couponId, serialOfCoupon, templateOfCoupon } from '../domain/coupon-id.ts';
import { validityOf } from '../domain/template.ts';
import { parseUserId } from '../domain/user-id.ts';
import type { CouponRow, CouponStatus, RecordStore, WalletQuery } from '../ports.ts';
import { Unavailable } from '../problems.ts';
import type { ShardSeen, UnseenClaims } from './unseen-claims.ts';

/** Rows read from the store at once. */
export const CHUNK_ROWS = 256;

/** The record store, or the cache before it. */
export interface WalletStore extends Pick<RecordStore, 'wallet'> {
  /** `isClaimed`: its unit is claimed, so a row may be there at any moment. */
  coupon(couponId: number, isClaimed?: boolean): Promise<CouponRow | null>;
  /** How old answers may be; 0 unless told. */
  readonly staleMsMax?: number;
}

/** For the message that a table has grown. */
const TABLE_PATIENCE_MS = 1_000;
/** For the message that there is one. */
const NEW_TABLE_MS = 100;
const LOOK_AGAIN_MS = 1;

export interface WalletOptions {
  readonly store: WalletStore;
  readonly templates: () => Iterable<TemplateView>;
  readonly template: (templateId: number) => TemplateView | undefined;
  /** Where other nodes acknowledge claims too. */
  readonly elsewhere?: Elsewhere;
  /** Whether all claims of a template that memory has are in the store. Default: as many as its view counts. */
  readonly isStored?: (templateId: number) => boolean;
  /** A monotonic clock. */
  readonly monotonicMs?: () => number;
}

/** Resolve when claims that other nodes acknowledged before the call are in memory here, or reject with `Unavailable`. */
export interface Barrier {
  /** `mayMatter` is asked of shards that cannot be seen into: those it says no of are not waited for. */
  all(mayMatter: (shard: number, seen: ShardSeen) => Promise<boolean>): Promise<void>;
  of(templateId: number): Promise<void>;
}

export interface Elsewhere {
  readonly barrier: Barrier;
  readonly unseen: Pick<UnseenClaims, 'mayHold'>;
}

interface HeldUnit {
  readonly view: TemplateView;
  readonly serial: number;
  readonly couponId: number;
  readonly claimedAtMs: number;
}

/** Decided on read: a lock whose time has passed has lapsed, and a usable coupon whose time has passed is expired. */
export function statusOf(coupon: CouponRow, nowMs: number): CouponStatus {
  const { state, lockedUntilMs, validUntilMs } = coupon;
  const isFree = state === 'usable' || (lockedUntilMs !== undefined && lockedUntilMs <= nowMs);
  if (!isFree) return state;
  return validUntilMs <= nowMs ? 'expired' : 'usable';
}

export class Wallet {
  private readonly options: WalletOptions;
  private readonly monotonicMs: () => number;
  /** Templates whose claims are all stored: since when they are, and how many. */
  private readonly stored = new WeakMap<
    TemplateView,
    { readonly claimed: number; readonly sinceMs: number }
  >();

  constructor(options: WalletOptions) {
    this.options = options;
    this.monotonicMs = options.monotonicMs ?? (() => performance.now());
  }

  /** One page, newest first. */
  async page(query: WalletQuery): Promise<CouponRow[]> {
    const { after, limit, userId } = query;
    const { elsewhere } = this.options;
    await elsewhere?.barrier.all((shard, seen) => elsewhere.unseen.mayHold(shard, userId, seen));
    const views = this.unstored();
    await this.tablesOf(views, userId);
    const units = unitsOf(views, userId).filter((unit) => after === null || newestFirst(after, unit) < 0);
    const page: CouponRow[] = [];
    const add = (row: CouponRow): boolean => {
      if (query.status === null || statusOf(row, query.nowMs) === query.status) page.push(row);
      return page.length === limit;
    };
    let next = 0;
    for await (const row of this.storedRows(query)) {
      for (; next < units.length && newestFirst(units[next]!, row) < 0; next++)
        if (add(rowOf(units[next]!, query.userId))) return page;
      if (units[next]?.couponId === row.couponId) next++;
      if (add(row)) return page;
    }
    for (; next < units.length; next++) if (add(rowOf(units[next]!, query.userId))) return page;
    return page;
  }

  /** A coupon by its id, whoever holds it. */
  async coupon(id: number): Promise<CouponRow | null> {
    const view = this.options.template(templateOfCoupon(id));
    const serial = serialOfCoupon(id);
    const isClaimed = (): boolean =>
      view !== undefined && serial < view.template.total && view.units.isClaimed(serial);
    const blind = isClaimed() ? null : await this.cannotSee(templateOfCoupon(id));
    const stored = await this.options.store.coupon(id, isClaimed());
    // One that is there is told as it is; to say that there is none takes knowing what others have claimed.
    if (stored === null && blind !== null && !isClaimed()) throw blind;
    if (stored !== null || view === undefined || !isClaimed()) return stored;
    const userId = await this.holder(view, serial);
    return userId === null ? null : rowOf({ view, serial, ...placeOf(view, serial) }, userId);
  }

  /** Null once memory has what was claimed elsewhere of the template. */
  private async cannotSee(templateId: number): Promise<Unavailable | null> {
    try {
      await this.options.elsewhere?.barrier.of(templateId);
      return null;
    } catch (error) {
      if (error instanceof Unavailable) return error;
      throw error;
    }
  }

  /** Resolves when `held` and `heldSerials` know of all that the user was told of. */
  caughtUp(userId: string): Promise<void> {
    return this.tablesOf(this.unstored(), userId);
  }

  /** Resolves when the tables that the user's claims may be in are those that owners write. */
  private tablesOf(views: readonly TemplateView[], userId: string): Promise<void> {
    if (!parseUserId(userId, words)) return Promise.resolve();
    const [lo, hi] = words;
    return this.onceKnown(() => {
      for (const view of views) {
        const users = view.actors[partitionOf(lo, hi, view.actors.length)]!.users;
        if (users === null) return 'not there';
        if (users.newest(lo, hi) === UNKNOWN) return 'replaced';
      }
      return 'known';
    });
  }

  /** Of a claimed unit. */
  private async holder(view: TemplateView, serial: number): Promise<string | null> {
    let userId: string | null = null;
    await this.onceKnown(() => {
      userId = holderOf(view, serial);
      return userId === null ? 'replaced' : 'known';
    });
    return userId;
  }

  /**
   * What owners write is seen here at once, but of a table that has grown, or is new, main is told by a message, which may
   * come a moment after whoever claimed has asked for it. A table that is not there yet has no claims that an answer was
   * given to, unless that message is on its way.
   */
  private async onceKnown(look: () => 'known' | 'replaced' | 'not there'): Promise<void> {
    let seen = look();
    for (const startMs = this.monotonicMs(); seen !== 'known'; seen = look()) {
      const waitedMs = this.monotonicMs() - startMs;
      if (seen === 'not there' && waitedMs > NEW_TABLE_MS) return;
      if (waitedMs > TABLE_PATIENCE_MS) throw new Unavailable('Claims of the moment are not known here yet.');
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  /** How many coupons of a template, and of one of its pools, the user holds. */
  held(view: TemplateView, userId: string): Map<number, number> {
    const counts = new Map<number, number>();
    for (const serial of this.heldSerials(view, userId)) {
      const activityId = view.units.activityId(serial);
      counts.set(activityId, (counts.get(activityId) ?? 0) + 1);
    }
    return counts;
  }

  /** The user's coupons of a template, newest first; only durable ones. */
  heldSerials(view: TemplateView, userId: string): number[] {
    return serialsOf(view, userId);
  }

  /** The user's rows after the cursor, in every state. A wallet that fits into one chunk is one chunk for all pages. */
  private async *storedRows({ userId, nowMs, after }: WalletQuery): AsyncGenerator<CouponRow> {
    const chunkAfter = (place: Place | null): Promise<CouponRow[]> =>
      this.options.store.wallet({ userId, status: null, nowMs, after: place, limit: CHUNK_ROWS });
    let chunk = await chunkAfter(null);
    if (after !== null) {
      const isBeyond = chunk.length === CHUNK_ROWS && newestFirst(after, chunk.at(-1)!) >= 0;
      chunk = isBeyond ? await chunkAfter(after) : chunk;
    }
    for (;;) {
      for (const row of chunk) if (after === null || newestFirst(after, row) < 0) yield row;
      if (chunk.length < CHUNK_ROWS) return;
      const { claimedAtMs, couponId } = chunk.at(-1)!;
      chunk = await chunkAfter({ claimedAtMs, couponId });
    }
  }

  /** Templates of which rows may lack durable claims. */
  private unstored(): TemplateView[] {
    const nowMs = this.monotonicMs();
    return [...this.options.templates()].filter((view) => !this.isLongStored(view, nowMs));
  }

  private isLongStored(view: TemplateView, nowMs: number): boolean {
    if (hasUntoldPool(view)) return false;
    const claimed = view.claimedUnits;
    let since = this.stored.get(view);
    if (since?.claimed !== claimed) {
      const { isStored } = this.options;
      if (isStored === undefined ? claimed > view.flushed : !isStored(view.template.id)) return false;
      since = { claimed, sinceMs: nowMs };
      this.stored.set(view, since);
    }
    return nowMs - since.sinceMs >= (this.options.store.staleMsMax ?? 0);
  }
}

const words = new Uint32Array(2);

/** Durable claims of the user, newest first. */
function unitsOf(views: readonly TemplateView[], userId: string): HeldUnit[] {
  const units: HeldUnit[] = [];
  for (const view of views)
    for (const serial of serialsOf(view, userId)) units.push({ view, serial, ...placeOf(view, serial) });
  return units.sort(newestFirst);
}

function serialsOf(view: TemplateView, userId: string): number[] {
  if (!parseUserId(userId, words)) return [];
  const [lo, hi] = words;
  const { users } = view.actors[partitionOf(lo, hi, view.actors.length)];
  return users === null ? [] : heldSerials(view, users.newestAnyway(lo, hi));
}

/** Who holds a unit that is not flushed yet: the tables are keyed by user, so this walks them. For single look-ups. */
function holderOf(view: TemplateView, serial: number): string | null {
  for (const { users } of view.actors) {
    const holder = users?.holderOf(serial, (newer) => view.units.previous(newer));
    if (holder !== null && holder !== undefined) return holder;
  }
  return null;
}

/** A pool so new that main has not been told of all its counters. */
function hasUntoldPool(view: TemplateView): boolean {
  for (const { claimed } of view.pools.values())
    for (let partition = 0; partition < view.actors.length; partition++)
      if (claimed[partition] === undefined) return true;
  return false;
}

function placeOf(view: TemplateView, serial: number): Place {
  return { couponId: couponId(view.template.id, serial), claimedAtMs: view.units.claimedAtMs(serial) };
}

function rowOf({ view, serial, couponId, claimedAtMs }: HeldUnit, userId: string): CouponRow {
  const { fromMs, untilMs } = validityOf(view.template, claimedAtMs);
  const activityId = view.units.activityId(serial);
  return {
    couponId,
    userId,
    templateId: view.template.id,
    activityId: activityId === 0 ? null : activityId,
    code: couponCodeText(view, serial),
    claimedAtMs,
    validFromMs: fromMs,
    validUntilMs: untilMs,
    state: 'usable',
  };
}

type Place = Pick<CouponRow, 'claimedAtMs' | 'couponId'>;

function newestFirst(a: Place, b: Place): number {
  return b.claimedAtMs - a.claimedAtMs || b.couponId - a.couponId;
}
