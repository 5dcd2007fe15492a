/**
 * What is drawn of a rule before the order is looked at. Amounts are drawn as relations to what the coupon will meet
 * (rule-fitting.ts makes numbers of them), since a minimum drawn blindly is hardly ever missed by one.
 */
import fc from 'fast-check';
import { categories, goodsIds } from './order-arbitrary.ts';
import type { Discount, Scope, Stacking } from './reference-order.ts';

/** An amount: so many thousandths of the measure, or the measure over `times` and a little beside it, or flat. */
export type AmountDraw =
  | { readonly how: 'share'; readonly permille: number }
  | { readonly how: 'beside'; readonly times: number; readonly shift: number }
  | { readonly how: 'flat'; readonly amount: number };

export interface RuleDraw {
  readonly kind: Discount['kind'];
  readonly isForeign: boolean;
  readonly scope: Scope;
  readonly stacking: Stacking | null;
  readonly measure: 'remaining' | 'initial';
  readonly minimum: AmountDraw | null;
  /** Further tiers of a threshold. */
  readonly tiers: readonly AmountDraw[];
  readonly repeat: boolean;
  /** One per tier, or the only one. */
  readonly offs: readonly AmountDraw[];
  /** Whether no tier takes more than it asks for. */
  readonly isSensible: boolean;
  readonly rate: number;
  readonly maxOff: AmountDraw | null;
  /** The rule of the template before it once more, or with twice the off. */
  readonly twin: 'same' | 'doubled' | null;
}

const TIERS_MAX = 4;

const minimums: fc.Arbitrary<AmountDraw> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      how: fc.constant('beside' as const),
      times: fc.constantFrom(1, 1, 1, 1, 2, 3, 7),
      shift: fc.constantFrom(-1, 0, 0, 1, 1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      how: fc.constant('share' as const),
      permille: fc.integer({ min: 1, max: 1_600 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ how: fc.constant('flat' as const), amount: fc.constantFrom(1, 3, 1_000, 10_000) }),
  },
);

const offs: fc.Arbitrary<AmountDraw> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ how: fc.constant('share' as const), permille: fc.integer({ min: 1, max: 500 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      how: fc.constant('share' as const),
      permille: fc.integer({ min: 500, max: 3_000 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      how: fc.constant('flat' as const),
      amount: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(100, 1_000, 5_000, 50_000)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      how: fc.constant('beside' as const),
      times: fc.constantFrom(1, 2),
      shift: fc.constantFrom(-1, 0, 1),
    }),
  },
);

const excluded = {
  excludeGoods: fc.uniqueArray(goodsIds, { maxLength: 2 }),
  excludeCategories: fc.uniqueArray(categories, { maxLength: 2 }),
};

const scopes: fc.Arbitrary<Scope> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Scope>({ all: true }) },
  {
    weight: 2,
    arbitrary: fc.record({ all: fc.constant(true as const), ...excluded }, { requiredKeys: ['all'] }),
  },
  {
    weight: 3,
    arbitrary: fc.record(
      {
        goods: fc.uniqueArray(goodsIds, { maxLength: 3 }),
        categories: fc.uniqueArray(categories, { maxLength: 3 }),
        ...excluded,
      },
      { requiredKeys: [] },
    ),
  },
);

/** Named groups may bear the name of a kind, and are then the same group as the default of that kind. */
const stackings: fc.Arbitrary<Stacking | null> = fc.oneof(
  { weight: 5, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constant<Stacking>({ exclusive: true }) },
  {
    weight: 8,
    arbitrary: fc.record({ group: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'percent', 'instant') }),
  },
);

const rates = fc.oneof(
  fc.constantFrom(0, 1, 4_999, 5_000, 9_000, 9_500, 9_999),
  fc.integer({ min: 0, max: 9_999 }),
  fc.integer({ min: 7_000, max: 9_900 }),
);

export const ruleDraws: fc.Arbitrary<RuleDraw> = fc.record({
  kind: fc.constantFrom('threshold', 'threshold', 'instant', 'instant', 'percent', 'percent', 'shipping'),
  isForeign: fc.integer({ min: 0, max: 29 }).map((n) => n === 29),
  scope: scopes,
  stacking: stackings,
  measure: fc.constantFrom('remaining', 'remaining', 'initial'),
  minimum: fc.oneof(minimums, minimums, fc.constant(null)),
  tiers: fc.array(minimums, { maxLength: TIERS_MAX - 1 }),
  repeat: fc.boolean(),
  offs: fc.array(offs, { minLength: TIERS_MAX, maxLength: TIERS_MAX }),
  isSensible: fc.integer({ min: 0, max: 4 }).map((n) => n < 4),
  rate: rates,
  maxOff: fc.oneof(offs, fc.constant(null)),
  twin: fc.constantFrom('same', 'doubled', ...Array.from({ length: 10 }, () => null)),
});
