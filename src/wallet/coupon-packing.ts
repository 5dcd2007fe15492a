/** Coupon rows as bytes, for caches outside the process: MessagePack of one array a row, led by a format number. */
import { Packr } from 'msgpackr';
import type { CouponRow } from '../ports.ts';

/** To be raised with any change of what is below: nodes of two releases may share a cache. */
const FORMAT = 1;
const STATES = ['usable', 'locked', 'used'] as const;

type Packed = [number, string, number, number, string, number, number, number, number];

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
      STATES.indexOf(row.state),
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
  return (value[1] as Packed[]).map(
    ([couponId, userId, templateId, activityId, code, claimedAtMs, validFromMs, validUntilMs, state]) => ({
      couponId,
      userId,
      templateId,
      activityId: activityId === 0 ? null : activityId,
      code,
      claimedAtMs,
      validFromMs,
      validUntilMs,
      state: STATES[state],
    }),
  );
}
