/**
 * Between the wallet and the record store: chunks of stored rows, in this process (L1), in a cache that nodes share (L2),
 * and only then from the store. Empty ones are kept like others.
 *
 * What is kept is what the store had, in every state, whatever was asked for: status and expiry are decided on read
 * (wallet.ts), and a claim that was flushed since is still in memory, so claims never make a chunk wrong. Only a change
 * of a stored row does, and whoever makes one calls `changed`.
 *
 * Everything of an owner stands under a generation that the L2 names. Each read asks for it, and what L1 has under
 * another one is nothing; `changed` ends the generation, so that the next read on any node finds none. A read that
 * began under it may still be under way: its result is offered to L2 under the old generation, and refused. For the
 * same reason nobody is given the result of a read that began before they came (flights.ts).
 *
 * Whoever makes a change may be gone before it calls `changed`. So a change is announced before it begins, and while it
 * is, no generation begins: reads go to the store and nothing is kept. What could not be announced, because the L2 was
 * away, is told by its events (`retell`), a little later.
 *
 * Without an L2 this process is the only one, and dropping the owner's entry in L1 is all there is to it. While the L2
 * fails or is slow, reads go to the store and nothing is kept.
 */
import { randomBytes } from 'node:crypto';
import type { CouponRow, RecordStore, WalletQuery } from '../ports.ts';
import type { StoredEvent } from '../ports-events.ts';
import { packRows, unpackRows } from './coupon-packing.ts';
import { Flights } from './flights.ts';
import { CHUNK_ROWS, type WalletStore } from './wallet.ts';
import { WalletL1 } from './wallet-l1.ts';
import { PatientL2, type WalletL2 } from './wallet-l2.ts';

export interface WalletCacheOptions {
  readonly store: Pick<RecordStore, 'wallet' | 'coupon'>;
  /** Null where no other node changes coupons. */
  readonly l2: WalletL2 | null;
  readonly log: { error(fields: object, message: string): void };
  readonly l1RowsMax?: number;
  /** With an L2 it bounds what a row changed behind the system's back takes to be seen, together with the L2's. */
  readonly l1TtlMs?: number;
  /** How long a read waits for the L2 before it does without. */
  readonly l2WaitMs?: number;
  /** A monotonic clock. */
  readonly now?: () => number;
}

const L1_ROWS_MAX = 100_000;
const L1_TTL_MS = 5_000;
/** What took longer to read is too old to be kept. */
const LOAD_MS_MAX = 10_000;
const HEAD = 'head';
const ROW = 'row';

export class WalletCache implements WalletStore {
  l1Hits = 0;
  l2Hits = 0;
  loads = 0;
  /** How old rows may be that are answered, counted from when the store was asked. */
  readonly staleMsMax: number;
  readonly #store: WalletCacheOptions['store'];
  readonly #l2: PatientL2 | null;
  readonly #now: () => number;
  readonly #l1: WalletL1;
  readonly #flights: Flights<readonly CouponRow[]>;

  constructor(options: WalletCacheOptions) {
    const { l1RowsMax = L1_ROWS_MAX, l1TtlMs = L1_TTL_MS, now = () => performance.now() } = options;
    this.#store = options.store;
    this.#l2 = options.l2 === null ? null : new PatientL2(options.l2, options.log, now, options.l2WaitMs);
    this.#now = now;
    this.#l1 = new WalletL1({ rowsMax: l1RowsMax, ttlMs: l1TtlMs, now });
    this.#flights = new Flights(LOAD_MS_MAX, now);
    this.staleMsMax = (this.#l2?.staleMsMax ?? 0) + l1TtlMs + LOAD_MS_MAX;
  }

  get l2Failures(): number {
    return this.#l2?.failures ?? 0;
  }

  /** As the store's. Kept are whole chunks in every state; anything else is asked of the store. */
  async wallet(query: WalletQuery): Promise<CouponRow[]> {
    const { userId, after, status, limit } = query;
    if (status !== null || limit !== CHUNK_ROWS) return this.#store.wallet(query);
    const field = after === null ? HEAD : `${after.claimedAtMs}-${after.couponId}`;
    const rows = await this.#read(userId, field, () => this.#store.wallet(query));
    return [...rows];
  }

  /** `isClaimed`: the unit is known to be claimed, so that its absence is one for the moment only. */
  async coupon(id: number, isClaimed = false): Promise<CouponRow | null> {
    const load = async (): Promise<CouponRow[]> => {
      const row = await this.#store.coupon(id);
      return row === null ? [] : [row];
    };
    const rows = await this.#read(couponOwner(id), ROW, load, isClaimed);
    return rows[0] ?? null;
  }

  /**
   * To be called before a change of stored rows, with the user and all coupons it will be about, as far as they are
   * known. → what `changed` is told then. Should it never be called, nothing is kept until the change cannot come any
   * more. While the L2 cannot be reached the change goes on unannounced.
   */
  async announce(userId: string, couponIds: readonly number[]): Promise<string | null> {
    if (this.#l2 === null) return null;
    const change = randomBytes(12).toString('base64url');
    await this.#l2.announce([userId, ...couponIds.map(couponOwner)], change);
    return change;
  }

  /**
   * To be called after a change of stored rows, with the user and all coupons it was about, and before the change is
   * acknowledged. Resolves once no read that begins later, on any node, can be answered with what was before: while
   * the L2 cannot be reached that is when everything in it has expired. `change`: as it was announced; null where it was
   * not, or where it may still come.
   */
  async changed(
    userId: string,
    couponIds: readonly number[] = [],
    change: string | null = null,
  ): Promise<void> {
    const owners = [userId, ...couponIds.map(couponOwner)];
    for (const owner of owners) this.#l1.drop(owner);
    const l2 = this.#l2;
    if (l2 !== null) await Promise.all(owners.map((owner) => l2.drop(owner, change, this.staleMsMax)));
  }

  /** To be called with all that the store tells of changes. Rejects while the L2 cannot be reached. */
  async retell(events: readonly StoredEvent[]): Promise<void> {
    const owners = new Set<string>();
    for (const event of events) {
      // The first are nobody's; the next makes no chunk wrong, the last is decided on read.
      if (event.subject !== 'coupon' || event.kind === 'claimed' || event.kind === 'expired') continue;
      owners.add(event.userId).add(couponOwner(event.couponId));
    }
    for (const owner of owners) this.#l1.drop(owner);
    await this.#l2?.dropAll([...owners]);
  }

  /** `filled`: one without rows is not good enough to be answered from a cache. */
  #read(
    owner: string,
    field: string,
    load: () => Promise<CouponRow[]>,
    filled = false,
  ): Promise<readonly CouponRow[]> {
    if (this.#l2 === null) {
      const rows = this.#l1.chunk(this.#l1.entry(owner), field);
      if (rows !== null && isGood(rows, filled)) {
        this.l1Hits++;
        return Promise.resolve(rows);
      }
    }
    const read = () => this.#readOnce(owner, field, load, filled);
    return this.#flights.share(`${owner} ${field} ${filled}`, read);
  }

  async #readOnce(
    owner: string,
    field: string,
    load: () => Promise<CouponRow[]>,
    filled: boolean,
  ): Promise<readonly CouponRow[]> {
    const l2 = this.#l2;
    const known = this.#l1.entry(owner);
    let rows = this.#l1.chunk(known, field);
    if (rows !== null && !isGood(rows, filled)) rows = null;
    let generation = '';
    if (l2 !== null) {
      const answer = await l2.ask(owner, field, rows === null ? null : known!.generation);
      if (answer === null) return this.#load(load);
      // A change is announced.
      if (answer.generation === null) return this.#load(load);
      generation = answer.generation;
      if (known?.generation !== generation) rows = null;
      if (rows === null && answer.value !== null) {
        const unpacked = unpackRows(answer.value);
        if (unpacked !== null && isGood(unpacked, filled)) {
          this.l2Hits++;
          this.#l1.put(owner, this.#l1.of(owner, generation), field, unpacked);
          return unpacked;
        }
      }
    }
    if (rows !== null) {
      this.l1Hits++;
      return rows;
    }
    const entry = this.#l1.of(owner, generation);
    const sinceMs = this.#now();
    const loaded = await this.#load(load);
    if (this.#now() - sinceMs > LOAD_MS_MAX) return loaded;
    this.#l1.put(owner, entry, field, loaded);
    l2?.offer(owner, field, packRows(loaded), generation);
    return loaded;
  }

  #load(load: () => Promise<CouponRow[]>): Promise<CouponRow[]> {
    this.loads++;
    return load();
  }
}

function isGood(rows: readonly CouponRow[], filled: boolean): boolean {
  return rows.length > 0 || !filled;
}

/** No user: ids of users are digits. */
function couponOwner(id: number): string {
  return `coupon-${id}`;
}
