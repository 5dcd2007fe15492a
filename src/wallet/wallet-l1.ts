/**
 * Wallets in this process: per owner (a user, or a single coupon) the chunks that were read, bounded by rows, the owner
 * asked for longest ago going first. What belongs to an owner stands under one generation and goes as a whole; a chunk
 * that was read for an entry which is gone by then is not kept.
 */
import type { CouponRow } from '../ports.ts';

export interface L1Entry {
  readonly generation: string;
  readonly chunks: Map<string, { readonly rows: readonly CouponRow[]; readonly untilMs: number }>;
}

export interface WalletL1Options {
  /** An owner and a chunk count as one each. */
  readonly rowsMax: number;
  readonly ttlMs: number;
  readonly now: () => number;
}

export class WalletL1 {
  readonly #options: WalletL1Options;
  /** Asked for longest ago first. */
  readonly #entries = new Map<string, L1Entry>();
  #rows = 0;

  constructor(options: WalletL1Options) {
    this.#options = options;
  }

  get rows(): number {
    return this.#rows;
  }

  entry(owner: string): L1Entry | undefined {
    const entry = this.#entries.get(owner);
    if (entry === undefined) return undefined;
    this.#entries.delete(owner);
    this.#entries.set(owner, entry);
    return entry;
  }

  chunk(entry: L1Entry | undefined, field: string): readonly CouponRow[] | null {
    const chunk = entry?.chunks.get(field);
    return chunk !== undefined && this.#options.now() < chunk.untilMs ? chunk.rows : null;
  }

  /** The owner's entry of this generation; one of another generation goes. */
  of(owner: string, generation: string): L1Entry {
    const known = this.entry(owner);
    if (known?.generation === generation) return known;
    this.drop(owner);
    const entry: L1Entry = { generation, chunks: new Map() };
    this.#entries.set(owner, entry);
    this.#rows++;
    this.#shrink();
    return entry;
  }

  put(owner: string, entry: L1Entry, field: string, rows: readonly CouponRow[]): void {
    if (this.#entries.get(owner) !== entry) return;
    this.#rows += weight(rows) - weight(entry.chunks.get(field)?.rows);
    entry.chunks.set(field, { rows, untilMs: this.#options.now() + this.#options.ttlMs });
    this.#shrink();
  }

  drop(owner: string): void {
    const entry = this.#entries.get(owner);
    if (entry === undefined) return;
    this.#entries.delete(owner);
    this.#rows--;
    for (const { rows } of entry.chunks.values()) this.#rows -= weight(rows);
  }

  #shrink(): void {
    for (const oldest of this.#entries.keys()) {
      if (this.#rows <= this.#options.rowsMax) break;
      this.drop(oldest);
    }
  }
}

function weight(rows: readonly CouponRow[] | undefined): number {
  return rows === undefined ? 0 : 1 + rows.length;
}
