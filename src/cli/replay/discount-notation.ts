/**
 * Discounts as receipts write them (docs: discounts, real-world notation): `150:20` is "spend 150.00, 20.00 off",
 * `0.95` is "pay 95 %". Anything else is null: `fixed` says that there is a discount but not which, and a rate of 0
 * or 1 is more likely a missing value than a gift or a coupon that does nothing.
 */
export type ReadDiscount =
  | {
      readonly kind: 'threshold';
      readonly tiers: readonly [{ readonly spend: number; readonly off: number }];
    }
  | { readonly kind: 'percent'; readonly rate: number };

const AMOUNT = /^(\d{1,9})(?:\.(\d{1,2}))?$/;
const RATE = /^0?\.(\d{1,4})$/;
/** Of basis points. */
const RATE_DIGITS = 4;

export function readDiscount(text: string): ReadDiscount | null {
  const rate = RATE.exec(text);
  if (rate !== null) {
    const basisPoints = Number(rate[1]!.padEnd(RATE_DIGITS, '0'));
    return basisPoints > 0 ? { kind: 'percent', rate: basisPoints } : null;
  }
  const parts = text.split(':');
  if (parts.length !== 2) return null;
  const [spend, off] = parts.map(minorUnits) as [number, number];
  return spend > 0 && off > 0 ? { kind: 'threshold', tiers: [{ spend, off }] } : null;
}

/** "12.5" → 1250, read digit by digit because 12.29 × 100 is not 1229; 0 for what is no amount. */
function minorUnits(text: string): number {
  const match = AMOUNT.exec(text);
  return match === null ? 0 : Number(match[1]! + (match[2] ?? '').padEnd(2, '0'));
}
