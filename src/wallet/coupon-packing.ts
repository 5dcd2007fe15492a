/** Coupon rows as bytes, for caches outside the process: MessagePack of one array a row, led by a format number. */
import { Packr } from 'msgpackr';
import { COUPON_STATES } from '../coupons/states.ts';
import type { CouponRow } from '../ports.ts';

/** To be raised with any change of what is below: nodes of two releases may share a cache. */
const FORMAT = 2;

type Claimed = [number, string, number, number, string, number, number, number, number];
/** Of the redemption that has it: its id, its order, until when it is locked or when it was used. */
type Held = [number, string, number | null, number | null];
type Packed = [...Claimed, Held | null];

const packr = new Packr({ useRecords: false });

export function packRows(rows: readonly CouponRow[]): Uint8Array {
  const packed = rows.map(
    (row): Packed => [
      row.couponId,
      row.userId,
      row.templateId,
      row.activityId ?? 0,
      row.code,
      row.claimedAtMs,
      row.validFromMs,
      row.validUntilMs,
      COUPON_STATES.indexOf(row.state),
      row.redemptionId === undefined
        ? null
        : [row.redemptionId, row.orderId!, row.lockedUntilMs ?? null, row.usedAtMs ?? null],
    ],
  );
  return packr.pack([FORMAT, packed]);
}

/** Null for what this release does not write. */
export function unpackRows(bytes: Uint8Array): CouponRow[] | null {
  let value: unknown;
  try {
    value = packr.unpack(bytes);
  } catch {
    return null;
  }
  if (!Array.isArray(value) || value[0] !== FORMAT || !Array.isArray(value[1])) return null;
  return (value[1] as Packed[]).map((packed) => {
    const [
      couponId,
      userId,
      templateId,
      activityId,
      code,
      claimedAtMs,
      validFromMs,
      validUntilMs,
      state,
      held,
    ] = packed;
    return {
      couponId,
      userId,
      templateId,
      activityId: activityId === 0 ? null : activityId,
      code,
      claimedAtMs,
      validFromMs,
      validUntilMs,
      state: COUPON_STATES[state]!,
      ...(held === null ? {} : heldOf(held)),
    };
  });
}

function heldOf([redemptionId, orderId, lockedUntilMs, usedAtMs]: Held): Partial<CouponRow> {
  return {
    redemptionId,
    orderId,
    ...(lockedUntilMs === null ? {} : { lockedUntilMs }),
    ...(usedAtMs === null ? {} : { usedAtMs }),
  };
}
