/** A lock as it is asked for, made into one that is judged: what only services may ask, codes read, terms filled in. */
import { fingerprint } from '../catalog/fingerprint.ts';
import { ok, type Problem, problem, type Result } from '../problems.ts';
import type { AskedIds } from './quotes.ts';
import type { Asker, LockOrder } from './redemptions.ts';

/** Either ids or codes name the coupons. */
export interface AskedLock extends Omit<LockOrder, 'couponIds' | 'lockMs' | 'key' | 'fingerprint'> {
  readonly couponIds: AskedIds | null;
  readonly couponCodes: readonly string[] | null;
  /** Null: as long as locks last here. */
  readonly lockSeconds: number | null;
}

export interface LockTerms {
  /** Of a code as somebody typed it, or null. */
  readonly couponOfCode: (code: string) => number | null;
  readonly lockTtlMs: number;
}

export function lockOrder(
  { couponOfCode, lockTtlMs }: LockTerms,
  { isService }: Asker,
  asked: AskedLock,
  key: string | null,
): Result<LockOrder> {
  const { orderId, order, lockSeconds, expectPayable, replace, use, couponCodes } = asked;
  if (use && !isService) return { ok: false, problem: serviceOnly('use') };
  if (couponCodes !== null && !isService) return { ok: false, problem: serviceOnly('couponCodes') };
  const couponIds = couponCodes === null ? ok(asked.couponIds!) : idsOf(couponCodes, couponOfCode);
  if (!couponIds.ok) return couponIds;
  return ok({
    orderId,
    couponIds: couponIds.value,
    order,
    lockMs: lockMs(lockSeconds, lockTtlMs),
    expectPayable,
    replace,
    use,
    key,
    fingerprint: fingerprintOf(asked),
  });
}

export function lockMs(lockSeconds: number | null, lockTtlMs: number): number {
  return lockSeconds === null ? lockTtlMs : lockSeconds * 1000;
}

/** A coupon named by a code that is none is not there, like one that is another's. */
function idsOf(
  couponCodes: readonly string[],
  couponOfCode: LockTerms['couponOfCode'],
): Result<readonly number[]> {
  const ids: number[] = [];
  for (const [i, code] of couponCodes.entries()) {
    const found = couponOfCode(code);
    if (found === null)
      return { ok: false, problem: problem('not_applicable', `couponCodes[${i}]: there is no such code.`) };
    ids.push(found);
  }
  return ok(ids);
}

function serviceOnly(field: string): Problem {
  return problem('forbidden', `${field}: only services may send it.`);
}

/**
 * Of everything that makes a lock another one; how long it lasts and what it expects do not. A till that asks for a use
 * must not take a mere lock for one.
 */
function fingerprintOf({ order, couponIds, couponCodes, use }: AskedLock): string {
  return fingerprint({ order, couponIds, couponCodes, ...(use ? { use } : {}) });
}
