/**
 * Writes what time has done: locks that have lapsed are released, coupons that have expired are marked, each with its
 * event. Nobody depends on it: every reader decides by the clock. Nodes of a cluster may sweep at once; each row is
 * changed by the one that has it first.
 */
import type { CouponStore, Swept } from '../ports-coupons.ts';
import { keepSweeping } from './keep-sweeping.ts';

/**
 * Coupons that expire in one transaction: the claims' rows wait for it, in SQLite some 10 ms. Not fewer, since after each
 * commit a thread that steps back behind a crowd waits for its turn, and what expires meanwhile waits with it.
 */
const EXPIRED_AT_ONCE = 2_000;
/** The same of locks, each of which takes several statements. */
const LAPSED_AT_ONCE = 500;

export interface SweepListener {
  /** `lateMs`: between the moment the first of them was due and now. */
  swept(coupons: number, lateMs: number): void;
  failed(error: unknown): void;
}

/** Neither waits for the other. → stops it; resolves when nothing of it is under way any more. */
export function keepCouponsSwept(
  store: Pick<CouponStore, 'expireSome' | 'lapseSome'>,
  listener: SweepListener,
): () => Promise<void> {
  const keep = (sweep: (limit: number) => Promise<Swept>, limit: number): (() => Promise<void>) =>
    keepSweeping(
      async () => {
        const { coupons, lateMs } = await sweep(limit);
        if (coupons.length > 0) listener.swept(coupons.length, lateMs);
        return coupons.length >= limit;
      },
      (error) => listener.failed(error),
    );
  const stops = [
    keep((limit) => store.expireSome(limit), EXPIRED_AT_ONCE),
    keep((limit) => store.lapseSome(limit), LAPSED_AT_ONCE),
  ];
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}
