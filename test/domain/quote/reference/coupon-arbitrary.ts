/** Coupons of drawn templates: several of one template, ids that do and don't rise with the template's, every state. */
import fc from 'fast-check';
import type { AskedCoupon, Order, QuoteCoupon } from './reference-order.ts';
import { type RuleDraw, ruleDraws } from './rule-draw.ts';
import { type DrawnTemplate, fitted } from './rule-fitting.ts';

export const NOW_MS = 1_700_000_000_000;

interface Holding {
  /** Unlike any other of the wallet. */
  readonly serial: number;
  /** Of which template; null: of the one in its own place, so that most wallets hold many templates. */
  readonly templateAt: number | null;
  readonly state: AskedCoupon['state'];
  readonly isSuspended: boolean;
  readonly validFromMs: number;
  readonly validUntilMs: number;
}

interface WalletDraw {
  readonly ids: readonly number[];
  readonly draws: readonly RuleDraw[];
  readonly holdings: readonly Holding[];
  /** As in the field: a coupon's id is its template's with a serial below. */
  readonly isIdOfTemplate: boolean;
}

const plain = {
  serial: fc.integer({ min: 0, max: 400 }),
  templateAt: fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.nat({ max: 20 }) },
  ),
};

/** Few times, so that they tie. */
const laterMs = fc.constantFrom(1, 2, 3, 1_000).map((ms) => NOW_MS + ms);

export const usableHoldings: fc.Arbitrary<Holding> = fc.record({
  ...plain,
  state: fc.constant('usable' as const),
  isSuspended: fc.constant(false),
  validFromMs: fc.constantFrom(0, NOW_MS - 1, NOW_MS),
  validUntilMs: laterMs,
});

const otherHoldings: fc.Arbitrary<Holding> = fc.record({
  ...plain,
  state: fc.constantFrom('usable', 'usable', 'usable', 'locked', 'used', 'voided', 'expired', 'not_found'),
  isSuspended: fc.integer({ min: 0, max: 3 }).map((n) => n === 3),
  validFromMs: fc.constantFrom(NOW_MS - 1, NOW_MS, NOW_MS + 1),
  validUntilMs: fc.oneof(laterMs, fc.constantFrom(NOW_MS - 1, NOW_MS)),
});

export const anyHoldings = fc.oneof(
  { weight: 7, arbitrary: usableHoldings },
  { weight: 1, arbitrary: otherHoldings },
);

export const knownHoldings = anyHoldings.map((holding) =>
  holding.state === 'not_found' ? { ...holding, state: 'voided' as const } : holding,
);

export function walletDraws(holdings: fc.Arbitrary<Holding>, sizes: fc.Arbitrary<number>) {
  return sizes.chain((size): fc.Arbitrary<WalletDraw> => {
    const exactly = { minLength: size, maxLength: size };
    return fc.record({
      ids: fc.uniqueArray(fc.integer({ min: 1, max: 300 }), exactly),
      draws: fc.array(ruleDraws, exactly),
      holdings: fc.uniqueArray(holdings, { ...exactly, selector: (holding) => holding.serial }),
      isIdOfTemplate: fc.integer({ min: 0, max: 2 }).map((n) => n < 2),
    });
  });
}

function couponOf(holding: Holding, template: DrawnTemplate, isIdOfTemplate: boolean): AskedCoupon {
  const { serial, state, isSuspended, validFromMs, validUntilMs } = holding;
  const [high, low] = isIdOfTemplate ? [template.id, serial] : [serial, template.id];
  const couponId = high * 2 ** 32 + low;
  if (state === 'not_found') return { couponId, state };
  const { id: templateId, rule } = template;
  return { couponId, templateId, state, isSuspended, validFromMs, validUntilMs, rule };
}

export function walletOf(order: Order, drawn: WalletDraw): AskedCoupon[] {
  const templates = fitted(order, drawn.ids, drawn.draws);
  return drawn.holdings.map((holding, place) => {
    const template = templates[(holding.templateAt ?? place) % templates.length]!;
    return couponOf(holding, template, drawn.isIdOfTemplate);
  });
}

export function isKnown(coupon: AskedCoupon): coupon is QuoteCoupon {
  return coupon.state !== 'not_found';
}
