/** Wallets of several nodes over one record store and one Redis, whose memories learn of each other's claims later. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import type { CouponRow, WalletQuery } from '../../src/ports.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { Wallet } from '../../src/wallet/wallet.ts';
import { WalletCache, type WalletCacheOptions } from '../../src/wallet/wallet-cache.ts';
import type { WalletL2 } from '../../src/wallet/wallet-l2.ts';
import { Shelf, SPACE } from '../claims/views.ts';
import { batchOf, type Claim } from '../records/batches.ts';
import { template } from '../records/samples.ts';

export const TOTAL = 2_000;
export const NOW_MS = 1_790_000_000_000;
export const VALID_MS = 30 * 86_400_000;
const STATES = ['usable', 'locked', 'used'];

/** Users 1, 2, … */
export interface Sold extends Claim {
  readonly user: string;
}

/** Patience with Redis as tests that are no tests of it want it. */
const L2_WAIT_MS = 2_000;

export type NodeOptions = Pick<WalletCacheOptions, 'l1TtlMs' | 'l1RowsMax' | 'l2WaitMs'>;

export class NodeMemory {
  readonly shelves: Shelf[];
  readonly cache: WalletCache;
  readonly wallet: Wallet;
  readonly logged: string[] = [];
  /** Claims of all nodes that are here. */
  arrived = 0;

  constructor(shop: WalletShop, l2: WalletL2 | null, options: NodeOptions) {
    this.shelves = shop.templateIds.map(
      (id) => new Shelf({ id, total: TOTAL, perUserLimit: TOTAL, partitions: 2 }),
    );
    const log = { error: (_: object, message: string) => this.logged.push(message) };
    this.cache = new WalletCache({ store: shop, l2, log, l2WaitMs: L2_WAIT_MS, ...options });
    this.wallet = new Wallet({
      store: this.cache,
      templates: () => this.shelves.map(({ view }) => view),
      template: (id) => this.shelves.find(({ view }) => view.template.id === id)?.view,
      elsewhere: {
        barrier: { all: async () => this.arrive(shop.claims), of: async () => this.arrive(shop.claims) },
        unseen: { mayHold: async () => true },
      },
    });
  }

  arrive(claims: readonly Sold[]): void {
    for (; this.arrived < claims.length; this.arrived++) {
      const { templateId, serial, user, atMs } = claims[this.arrived]!;
      this.shelf(templateId).sell(serial, Number(user), 0, 0, atMs);
    }
  }

  shelf(templateId: number): Shelf {
    return this.shelves.find(({ view }) => view.template.id === templateId)!;
  }
}

export class WalletShop {
  readonly dir = mkdtempSync(join(tmpdir(), 'doorbuster-wallet-cache-'));
  readonly store = new SqliteStore(join(this.dir, 'records.db'));
  readonly templateIds: number[] = [];
  /** All that was acknowledged, in order. */
  readonly claims: Sold[] = [];
  readonly nodes: NodeMemory[] = [];
  flushed = 0;
  queries = 0;
  pause: () => Promise<void> = async () => {};
  readonly #db = new Database(join(this.dir, 'records.db'));
  readonly #serials = new Map<number, number>();

  async open(templates: number): Promise<void> {
    for (let i = 0; i < templates; i++) {
      const extent = { firstSerial: 0, length: TOTAL, spaces: [{ space: SPACE, size: 10 * TOTAL }] };
      const one = template({ name: `T${i}`, total: TOTAL, perUserLimit: TOTAL });
      const saved = await this.store.saveTemplate(one, extent, null);
      if (saved.kind !== 'saved') throw new Error(saved.kind);
      this.templateIds.push(saved.value.id);
    }
  }

  async wallet(query: WalletQuery): Promise<CouponRow[]> {
    this.queries++;
    await this.pause();
    const rows = await this.store.wallet(query);
    await this.pause();
    return rows;
  }

  async coupon(id: number): Promise<CouponRow | null> {
    this.queries++;
    await this.pause();
    const row = await this.store.coupon(id);
    await this.pause();
    return row;
  }

  /** Acknowledged by `node`; the others learn it in time, or when a read waits for it. */
  claim(node: NodeMemory, user: string, which: number, atMs = NOW_MS): Sold {
    const templateId = this.templateIds[which]!;
    const serial = this.#serials.get(templateId) ?? 0;
    this.#serials.set(templateId, serial + 1);
    const claim = { templateId, serial, user, atMs };
    this.claims.push(claim);
    node.arrive(this.claims);
    return claim;
  }

  /** Stores up to `count` more claims; nodes hear of it in their own time. */
  async flush(count: number): Promise<void> {
    const batch = this.claims.slice(this.flushed, this.flushed + count);
    if (batch.length === 0) return;
    const from = this.flushed;
    this.flushed += batch.length;
    await this.store.commitClaims({ ...batchOf(1, from, batch), toOffset: this.flushed });
  }

  hear(node: NodeMemory, flushed = this.flushed): void {
    for (const { view } of node.shelves) {
      const stored = this.claims
        .slice(0, flushed)
        .filter(({ templateId }) => templateId === view.template.id);
      view.flushed = stored.length;
    }
  }

  /** Behind the system's back, unless `changed` follows. */
  setState(couponId: number, state: CouponRow['state']): void {
    this.#db.prepare('UPDATE coupons SET state = ? WHERE id = ?').run(STATES.indexOf(state), couponId);
  }

  async close(): Promise<void> {
    this.#db.close();
    await this.store.close();
    rmSync(this.dir, { recursive: true });
  }
}

export function query(user: string, changes: Partial<WalletQuery> = {}): WalletQuery {
  return { userId: user, status: null, nowMs: NOW_MS, after: null, limit: 200, ...changes };
}
