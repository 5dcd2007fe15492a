/**
 * Discounts as receipts and rule lists write them (docs: discounts, real-world notation): `150:20` is "spend 150.00,
 * 20.00 off" in a currency of two decimals, `0.95` is "pay 95 %". Anything else is unreadable, with the reason: `fixed`
 * says that there is a discount but not which, a rate of 0 or 1 is more likely a missing value than a gift or a coupon
 * that does nothing, and an amount off that is not below what is to be spent is more likely two columns exchanged.
 */
export type ReadDiscount =
  | {
      readonly kind: 'threshold';
      readonly tiers: readonly [{ readonly spend: number; readonly off: number }];
    }
  | { readonly kind: 'percent'; readonly rate: number };

/** `problem` follows the text: `"20:20"` has an off that is not below its spend. */
export interface Unreadable {
  readonly kind: 'unreadable';
  readonly problem: string;
}

const WHOLE_DIGITS = 9;
const AMOUNT = /^(\d+)(?:\.(\d+))?$/;
const RATE = /^0?\.(\d{1,4})$/;
/** Anything that is a plain number: if not a rate, then one that is out of range or too fine. */
const NUMBER = /^\d*\.?\d+$/;
/** Of basis points. */
const RATE_DIGITS = 4;

/** What `readDiscount` takes, for those whose discount it did not take. */
export const NOTATION = '"spend:off" with off below spend, or a rate between 0 and 1';

/** Amounts in minor units of a currency with so many decimals. */
export function readDiscount(text: string, decimals = 2): ReadDiscount | Unreadable {
  const parts = text.split(':');
  if (parts.length === 1) return readRate(text);
  if (parts.length > 2) return unreadable('has more than two parts');
  const [spend, off] = parts.map((part) => minorUnits(part, decimals)) as [Amount, Amount];
  if (typeof spend === 'string') return unreadable(`has a spend that ${spend}`);
  if (typeof off === 'string') return unreadable(`has an off that ${off}`);
  if (off === 0) return unreadable('takes nothing off');
  if (off >= spend) return unreadable('has an off that is not below its spend');
  return { kind: 'threshold', tiers: [{ spend, off }] };
}

function readRate(text: string): ReadDiscount | Unreadable {
  const digits = RATE.exec(text)?.[1];
  if (digits === undefined) {
    if (!NUMBER.test(text)) return unreadable('names neither amounts nor a rate');
    return unreadable(
      Number(text) > 0 && Number(text) < 1
        ? `is a rate of more than ${RATE_DIGITS} decimals`
        : 'is no rate between 0 and 1',
    );
  }
  const rate = Number(digits.padEnd(RATE_DIGITS, '0'));
  return rate > 0 ? { kind: 'percent', rate } : unreadable('is no rate between 0 and 1');
}

/** Minor units, or what is wrong. */
type Amount = number | string;

/** "12.5" → 1250, read digit by digit because 12.29 × 100 is not 1229. */
function minorUnits(text: string, decimals: number): Amount {
  const [, whole, fraction = ''] = AMOUNT.exec(text) ?? [];
  if (whole === undefined) return 'is no amount';
  if (whole.length > WHOLE_DIGITS) return `has more than ${WHOLE_DIGITS} digits`;
  if (fraction.length > decimals)
    return decimals === 0
      ? 'has decimals, and its currency has none'
      : `has more than the ${decimals} decimals of its currency`;
  return Number(whole + fraction.padEnd(decimals, '0'));
}

function unreadable(problem: string): Unreadable {
  return { kind: 'unreadable', problem };
}
