/** A return as it is asked for, with what it does not say filled in, and named by all that makes it another one. */
import { fingerprint } from '../catalog/fingerprint.ts';
import type { ReturnRequest } from '../ports-coupons.ts';

export interface AskedReturn {
  readonly returnId: string;
  readonly items: ReturnRequest['items'];
  readonly recheck?: boolean | undefined;
  readonly shipping?: boolean | undefined;
  readonly restoreCoupons?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
}

/** `isRechecked`: whether returns are held to what the kept goods would have cost, where the call does not say. */
export function returnRequest(redemptionId: number, asked: AskedReturn, isRechecked: boolean): ReturnRequest {
  const { returnId, items, shipping = false, restoreCoupons = false, dryRun = false } = asked;
  const recheck = asked.recheck ?? isRechecked;
  return {
    redemptionId,
    returnId,
    items,
    recheck,
    shipping,
    restoreCoupons,
    dryRun,
    fingerprint: fingerprint({ items, recheck, shipping, restoreCoupons }),
  };
}
