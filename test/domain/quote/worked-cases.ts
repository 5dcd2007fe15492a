/**
 * Orders and coupons worked out by hand by the product's rules. Whoever writes these rules a second time, in another
 * language or on a client, finds here what must come out.
 */

import type { AskedCoupon, OrderLine, QuoteRefusal } from '../../../src/domain/quote/order.ts';
import type { QuoteReason } from '../../../src/domain/quote/reasons.ts';
import type { UnitRun } from '../../../src/domain/quote/unit-runs.ts';
import { coupon, id, line } from './orders.ts';

export interface Given {
  readonly title: string;
  readonly lines: readonly OrderLine[];
  readonly shippingFee: number;
  readonly coupons: readonly AskedCoupon[];
  readonly nowMs?: number;
}

export type Outcome =
  | {
      readonly couponId: number;
      readonly off: number /** Empty: nothing of any line. */;
      readonly lineOffs: readonly number[];
    }
  | {
      readonly couponId: number;
      readonly reason: QuoteReason;
      readonly missing?: number;
      readonly excludedBy?: number;
    };

export interface WorkedQuote extends Given {
  readonly payable: number;
  readonly discount: number;
  readonly shippingDiscount: number;
  /** In any order. */
  readonly outcomes: readonly Outcome[];
  readonly linePayable?: readonly number[];
  readonly units?: readonly (readonly UnitRun[])[];
}

export interface WorkedBest extends Given {
  readonly payable: number;
  readonly couponIds: readonly number[];
}

export interface WorkedRefusal extends Given {
  readonly refused: QuoteRefusal['code'];
}

export const QUOTES: readonly WorkedQuote[] = [
  {
    title: 'a threshold off split over two lines by the largest fraction',
    lines: [line('1', 10000, 1), line('2', 5000, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'threshold', tiers: [{ spend: 15000, off: 2000 }] })],
    payable: 13000,
    discount: 2000,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 2000, lineOffs: [1333, 667] }],
    linePayable: [8667, 4333],
    units: [[{ count: 1, price: 8667 }], [{ count: 1, price: 4333 }]],
  },
  {
    title: 'a threshold missed by one',
    lines: [line('1', 9999, 1), line('2', 5000, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'threshold', tiers: [{ spend: 15000, off: 2000 }] })],
    payable: 14999,
    discount: 0,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), reason: 'below_minimum', missing: 1 }],
    linePayable: [9999, 5000],
  },
  {
    title: 'of three tiers the highest that is reached',
    lines: [line('1', 29999, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(1), {
        kind: 'threshold',
        tiers: [
          { spend: 10000, off: 1000 },
          { spend: 20000, off: 3000 },
          { spend: 30000, off: 5000 },
        ],
      }),
    ],
    payable: 26999,
    discount: 3000,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 3000, lineOffs: [3000] }],
    linePayable: [26999],
  },
  {
    title: 'the top tier reached to the unit',
    lines: [line('1', 10000, 3)],
    shippingFee: 0,
    coupons: [
      coupon(id(1), {
        kind: 'threshold',
        tiers: [
          { spend: 10000, off: 1000 },
          { spend: 20000, off: 3000 },
          { spend: 30000, off: 5000 },
        ],
      }),
    ],
    payable: 25000,
    discount: 5000,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 5000, lineOffs: [5000] }],
    linePayable: [25000],
    units: [
      [
        { count: 1, price: 8334 },
        { count: 2, price: 8333 },
      ],
    ],
  },
  {
    title: 'a repeating threshold not reached once',
    lines: [line('1', 9999, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'threshold', tiers: [{ spend: 10000, off: 3000 }], repeat: true })],
    payable: 9999,
    discount: 0,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), reason: 'below_minimum', missing: 1 }],
  },
  {
    title: 'a repeating threshold never takes more than remains, and leaves the fee',
    lines: [line('1', 2500, 1)],
    shippingFee: 600,
    coupons: [coupon(id(1), { kind: 'threshold', tiers: [{ spend: 1000, off: 1500 }], repeat: true })],
    payable: 600,
    discount: 2500,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 2500, lineOffs: [2500] }],
    linePayable: [0],
    units: [[{ count: 1, price: 0 }]],
  },
  {
    title: 'a percent a little below the next unit',
    lines: [line('1', 1999, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'percent', rate: 9500 })],
    payable: 1899,
    discount: 100,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 100, lineOffs: [100] }],
  },
  {
    title: 'a percent at exactly one half',
    lines: [line('1', 10, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'percent', rate: 9500 })],
    payable: 9,
    discount: 1,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 1, lineOffs: [1] }],
  },
  {
    title: 'a percent that rounds to nothing',
    lines: [line('1', 9, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'percent', rate: 9500 })],
    payable: 9,
    discount: 0,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), reason: 'no_effect' }],
  },
  {
    title: 'a capped percent, split six to four',
    lines: [line('1', 60000, 1), line('2', 40000, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'percent', rate: 8000, maxOff: 5000 })],
    payable: 95000,
    discount: 5000,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 5000, lineOffs: [3000, 2000] }],
    linePayable: [57000, 38000],
  },
  {
    title: 'a percent that keeps nothing',
    lines: [line('1', 12345, 1)],
    shippingFee: 500,
    coupons: [coupon(id(1), { kind: 'percent', rate: 0 })],
    payable: 500,
    discount: 12345,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 12345, lineOffs: [12345] }],
  },
  {
    title: 'an instant larger than the order',
    lines: [line('1', 3000, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'instant', off: 5000 })],
    payable: 0,
    discount: 3000,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 3000, lineOffs: [3000] }],
  },
  {
    title: 'an instant with a minimum not reached',
    lines: [line('1', 9000, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'instant', off: 500, minSpend: 10000 })],
    payable: 9000,
    discount: 0,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), reason: 'below_minimum', missing: 1000 }],
  },
  {
    title: 'a fee waived',
    lines: [line('1', 5000, 1)],
    shippingFee: 1200,
    coupons: [coupon(id(1), { kind: 'shipping' })],
    payable: 5000,
    discount: 0,
    shippingDiscount: 1200,
    outcomes: [{ couponId: id(1), off: 1200, lineOffs: [] }],
  },
  {
    title: 'a fee waived up to a cap',
    lines: [line('1', 5000, 1)],
    shippingFee: 1200,
    coupons: [coupon(id(1), { kind: 'shipping', maxOff: 1000 })],
    payable: 5200,
    discount: 0,
    shippingDiscount: 1000,
    outcomes: [{ couponId: id(1), off: 1000, lineOffs: [] }],
  },
  {
    title: 'no fee to waive',
    lines: [line('1', 5000, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'shipping' })],
    payable: 5000,
    discount: 0,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), reason: 'no_effect' }],
  },
  {
    title: 'a fee larger than the goods',
    lines: [line('1', 500, 1)],
    shippingFee: 1200,
    coupons: [coupon(id(1), { kind: 'shipping' })],
    payable: 500,
    discount: 0,
    shippingDiscount: 1200,
    outcomes: [{ couponId: id(1), off: 1200, lineOffs: [] }],
  },
  {
    title: 'a threshold before a percent, named the other way round',
    lines: [line('1', 20000, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(1), { kind: 'percent', rate: 9000 }),
      coupon(id(2), { kind: 'threshold', tiers: [{ spend: 20000, off: 5000 }] }),
    ],
    payable: 13500,
    discount: 6500,
    shippingDiscount: 0,
    outcomes: [
      { couponId: id(2), off: 5000, lineOffs: [5000] },
      { couponId: id(1), off: 1500, lineOffs: [1500] },
    ],
  },
  {
    title: 'a minimum that an earlier coupon takes away',
    lines: [line('1', 20000, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(1), { kind: 'percent', rate: 8000, minSpend: 16000 }),
      coupon(id(2), { kind: 'threshold', tiers: [{ spend: 20000, off: 5000 }] }),
    ],
    payable: 15000,
    discount: 5000,
    shippingDiscount: 0,
    outcomes: [
      { couponId: id(2), off: 5000, lineOffs: [5000] },
      { couponId: id(1), reason: 'below_minimum', missing: 1000 },
    ],
  },
  {
    title: 'one goods named',
    lines: [line('1', 10000, 1), line('2', 10000, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'instant', off: 1000 }, { scope: { goods: ['2'] } })],
    payable: 19000,
    discount: 1000,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 1000, lineOffs: [0, 1000] }],
    linePayable: [10000, 9000],
  },
  {
    title: 'a category less one of its goods',
    lines: [line('1', 3000, 1, '10'), line('2', 7000, 1, '10'), line('3', 5000, 1, '20')],
    shippingFee: 0,
    coupons: [
      coupon(id(1), { kind: 'percent', rate: 5000 }, { scope: { categories: ['10'], excludeGoods: ['2'] } }),
    ],
    payable: 13500,
    discount: 1500,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 1500, lineOffs: [1500, 0, 0] }],
    linePayable: [1500, 7000, 5000],
  },
  {
    title: 'goods or category, either will do',
    lines: [line('1', 3000, 1, '10'), line('2', 7000, 1, '20'), line('3', 5000, 1, '30')],
    shippingFee: 0,
    coupons: [
      coupon(
        id(1),
        { kind: 'threshold', tiers: [{ spend: 8000, off: 1000 }] },
        { scope: { goods: ['3'], categories: ['10'] } },
      ),
    ],
    payable: 14000,
    discount: 1000,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 1000, lineOffs: [375, 0, 625] }],
    linePayable: [2625, 7000, 4375],
  },
  {
    title: 'nothing of the order in scope',
    lines: [line('1', 3000, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(1), { kind: 'instant', off: 100 }, { scope: { goods: ['99'] } }),
      coupon(id(2), { kind: 'percent', rate: 9000 }, { scope: { categories: ['10'] } }),
    ],
    payable: 3000,
    discount: 0,
    shippingDiscount: 0,
    outcomes: [
      { couponId: id(1), reason: 'out_of_scope' },
      { couponId: id(2), reason: 'out_of_scope' },
    ],
  },
  {
    title: 'of one group the smaller template id, not the larger off',
    lines: [line('1', 20000, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(2), { kind: 'threshold', tiers: [{ spend: 10000, off: 3000 }] }),
      coupon(id(1), { kind: 'threshold', tiers: [{ spend: 10000, off: 1000 }] }),
    ],
    payable: 19000,
    discount: 1000,
    shippingDiscount: 0,
    outcomes: [
      { couponId: id(1), off: 1000, lineOffs: [1000] },
      { couponId: id(2), reason: 'excluded_by', excludedBy: id(1) },
    ],
  },
  {
    title: 'template ids compared as numbers',
    lines: [line('1', 20000, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(10), { kind: 'threshold', tiers: [{ spend: 10000, off: 3000 }] }),
      coupon(id(9), { kind: 'threshold', tiers: [{ spend: 10000, off: 1000 }] }),
    ],
    payable: 19000,
    discount: 1000,
    shippingDiscount: 0,
    outcomes: [
      { couponId: id(9), off: 1000, lineOffs: [1000] },
      { couponId: id(10), reason: 'excluded_by', excludedBy: id(9) },
    ],
  },
  {
    title: 'an exclusive coupon whose turn comes second',
    lines: [line('1', 20000, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(1), { kind: 'instant', off: 500 }, { stacking: { exclusive: true } }),
      coupon(id(2), { kind: 'threshold', tiers: [{ spend: 20000, off: 2000 }] }),
    ],
    payable: 18000,
    discount: 2000,
    shippingDiscount: 0,
    outcomes: [
      { couponId: id(2), off: 2000, lineOffs: [2000] },
      { couponId: id(1), reason: 'excluded_by', excludedBy: id(2) },
    ],
  },
  {
    title: 'an exclusive coupon whose turn comes first, fees included',
    lines: [line('1', 20000, 1)],
    shippingFee: 800,
    coupons: [
      coupon(
        id(1),
        { kind: 'threshold', tiers: [{ spend: 20000, off: 2000 }] },
        { stacking: { exclusive: true } },
      ),
      coupon(id(2), { kind: 'instant', off: 500 }),
      coupon(id(3), { kind: 'shipping' }),
    ],
    payable: 18800,
    discount: 2000,
    shippingDiscount: 0,
    outcomes: [
      { couponId: id(1), off: 2000, lineOffs: [2000] },
      { couponId: id(2), reason: 'excluded_by', excludedBy: id(1) },
      { couponId: id(3), reason: 'excluded_by', excludedBy: id(1) },
    ],
  },
  {
    title: 'an exclusive coupon that is refused excludes nobody',
    lines: [line('1', 20000, 1)],
    shippingFee: 0,
    coupons: [
      coupon(
        id(1),
        { kind: 'threshold', tiers: [{ spend: 30000, off: 5000 }] },
        { stacking: { exclusive: true } },
      ),
      coupon(id(2), { kind: 'instant', off: 500 }),
    ],
    payable: 19500,
    discount: 500,
    shippingDiscount: 0,
    outcomes: [
      { couponId: id(1), reason: 'below_minimum', missing: 10000 },
      { couponId: id(2), off: 500, lineOffs: [500] },
    ],
  },
  {
    title: 'two percents of two groups, one after the other',
    lines: [line('1', 10000, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(1), { kind: 'percent', rate: 9000 }, { stacking: { group: 'shop' } }),
      coupon(id(2), { kind: 'percent', rate: 9000 }, { stacking: { group: 'site' } }),
    ],
    payable: 8100,
    discount: 1900,
    shippingDiscount: 0,
    outcomes: [
      { couponId: id(1), off: 1000, lineOffs: [1000] },
      { couponId: id(2), off: 900, lineOffs: [900] },
    ],
  },
  {
    title: 'scope is told before conflict, and conflict before number',
    lines: [line('1', 10000, 1)],
    shippingFee: 1000,
    coupons: [
      coupon(id(1), { kind: 'instant', off: 100 }, { stacking: { group: 'g1' } }),
      coupon(id(2), { kind: 'instant', off: 100 }, { stacking: { group: 'g2' } }),
      coupon(id(3), { kind: 'instant', off: 100 }, { stacking: { group: 'g3' } }),
      coupon(id(4), { kind: 'instant', off: 100 }, { stacking: { group: 'g4' } }),
      coupon(id(5), { kind: 'instant', off: 100 }, { stacking: { group: 'g5' } }),
      coupon(id(6), { kind: 'percent', rate: 9000 }, { scope: { goods: ['9'] } }),
      coupon(id(7), { kind: 'percent', rate: 9000 }, { stacking: { group: 'g1' } }),
      coupon(id(8), { kind: 'shipping' }),
    ],
    payable: 10500,
    discount: 500,
    shippingDiscount: 0,
    outcomes: [
      { couponId: id(1), off: 100, lineOffs: [100] },
      { couponId: id(2), off: 100, lineOffs: [100] },
      { couponId: id(3), off: 100, lineOffs: [100] },
      { couponId: id(4), off: 100, lineOffs: [100] },
      { couponId: id(5), off: 100, lineOffs: [100] },
      { couponId: id(6), reason: 'out_of_scope' },
      { couponId: id(7), reason: 'excluded_by', excludedBy: id(1) },
      { couponId: id(8), reason: 'too_many' },
    ],
  },
  {
    title: 'states, and validity from included to until not included',
    lines: [line('1', 10000, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(1), { kind: 'instant', off: 100 }, { validUntilMs: 1000 }),
      coupon(id(2), { kind: 'instant', off: 100 }, { validFromMs: 1001 }),
      coupon(id(3), { kind: 'instant', off: 100 }, { validUntilMs: 900, state: 'locked' }),
      coupon(id(4), { kind: 'instant', off: 100 }, { state: 'used' }),
      { couponId: id(5), state: 'not_found' },
      coupon(id(6), { kind: 'instant', off: 100 }, { validUntilMs: 1001, validFromMs: 1000 }),
    ],
    nowMs: 1000,
    payable: 9900,
    discount: 100,
    shippingDiscount: 0,
    outcomes: [
      { couponId: id(1), reason: 'expired' },
      { couponId: id(2), reason: 'not_yet_valid' },
      { couponId: id(3), reason: 'locked' },
      { couponId: id(4), reason: 'used' },
      { couponId: id(5), reason: 'not_found' },
      { couponId: id(6), off: 100, lineOffs: [100] },
    ],
  },
  {
    title: 'three equal fractions',
    lines: [line('1', 100, 1), line('2', 100, 1), line('3', 100, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'instant', off: 100 })],
    payable: 200,
    discount: 100,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 100, lineOffs: [34, 33, 33] }],
    linePayable: [66, 67, 67],
  },
  {
    title: 'a line that costs nothing',
    lines: [line('1', 0, 1), line('2', 100, 1), line('3', 100, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'instant', off: 101 })],
    payable: 99,
    discount: 101,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 101, lineOffs: [0, 51, 50] }],
    linePayable: [0, 49, 50],
    units: [[{ count: 1, price: 0 }], [{ count: 1, price: 49 }], [{ count: 1, price: 50 }]],
  },
  {
    title: 'an order that costs nothing but its fee',
    lines: [line('1', 0, 2)],
    shippingFee: 700,
    coupons: [coupon(id(1), { kind: 'instant', off: 500 }), coupon(id(2), { kind: 'shipping' })],
    payable: 0,
    discount: 0,
    shippingDiscount: 700,
    outcomes: [
      { couponId: id(1), reason: 'no_effect' },
      { couponId: id(2), off: 700, lineOffs: [] },
    ],
    units: [[{ count: 2, price: 0 }]],
  },
  {
    title: 'seven units that do not divide evenly',
    lines: [line('1', 1000, 7)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'instant', off: 100 })],
    payable: 6900,
    discount: 100,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 100, lineOffs: [100] }],
    units: [
      [
        { count: 5, price: 986 },
        { count: 2, price: 985 },
      ],
    ],
  },
  {
    title: 'a fee not waived since an instant took the minimum away',
    lines: [line('1', 10000, 1)],
    shippingFee: 800,
    coupons: [
      coupon(id(1), { kind: 'instant', off: 600 }),
      coupon(id(2), { kind: 'shipping', minSpend: 9500 }),
    ],
    payable: 10200,
    discount: 600,
    shippingDiscount: 0,
    outcomes: [
      { couponId: id(1), off: 600, lineOffs: [600] },
      { couponId: id(2), reason: 'below_minimum', missing: 100 },
    ],
  },
  {
    title: 'measured by the initial amounts with nothing left to take',
    lines: [line('1', 10000, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(1), { kind: 'threshold', tiers: [{ spend: 10000, off: 10000 }] }),
      coupon(id(2), { kind: 'instant', off: 100, minSpend: 10000 }, { measure: 'initial' }),
    ],
    payable: 0,
    discount: 10000,
    shippingDiscount: 0,
    outcomes: [
      { couponId: id(1), off: 10000, lineOffs: [10000] },
      { couponId: id(2), reason: 'no_effect' },
    ],
  },
  {
    title: 'one ten-thousandth of the largest order',
    lines: [line('1', 9007199254740991, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'percent', rate: 9999 })],
    payable: 9006298534815517,
    discount: 900719925474,
    shippingDiscount: 0,
    outcomes: [{ couponId: id(1), off: 900719925474, lineOffs: [900719925474] }],
  },
];

export const REFUSALS: readonly WorkedRefusal[] = [
  {
    title: 'a fee that makes the order too large',
    lines: [line('1', 9007199254740991, 1)],
    shippingFee: 1,
    coupons: [],
    refused: 'amount_too_large',
  },
  {
    title: 'a quantity that makes the order too large',
    lines: [line('1', 4503599627370496, 2)],
    shippingFee: 0,
    coupons: [],
    refused: 'amount_too_large',
  },
  {
    title: 'a quantity of nothing',
    lines: [line('1', 100, 0)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'instant', off: 1 })],
    refused: 'invalid_request',
  },
  {
    title: 'one coupon named twice',
    lines: [line('1', 100, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'instant', off: 1 }), coupon(id(1), { kind: 'instant', off: 1 })],
    refused: 'duplicate_coupon',
  },
];

export const BESTS: readonly WorkedBest[] = [
  {
    title: 'a set that comes to less together than one of it alone',
    lines: [line('1', 20000, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(1), { kind: 'threshold', tiers: [{ spend: 20000, off: 2000 }] }),
      coupon(id(2), { kind: 'percent', rate: 5000, minSpend: 19000 }),
    ],
    payable: 10000,
    couponIds: [id(2)],
  },
  {
    title: 'a smaller threshold that leaves the percent its minimum',
    lines: [line('1', 20000, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(1), { kind: 'threshold', tiers: [{ spend: 10000, off: 1000 }] }),
      coupon(id(2), { kind: 'threshold', tiers: [{ spend: 20000, off: 5000 }] }),
      coupon(id(3), { kind: 'percent', rate: 7000, minSpend: 16000 }),
    ],
    payable: 13300,
    couponIds: [id(1), id(3)],
  },
  {
    title: 'one coupon rather than two for the same',
    lines: [line('1', 1500, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(1), { kind: 'instant', off: 2000 }),
      coupon(id(2), { kind: 'threshold', tiers: [{ spend: 1000, off: 500 }] }),
    ],
    payable: 0,
    couponIds: [id(1)],
  },
  {
    title: 'the smaller id when all else is equal',
    lines: [line('1', 5000, 1)],
    shippingFee: 0,
    coupons: [coupon(id(4), { kind: 'instant', off: 300 }), coupon(id(3), { kind: 'instant', off: 300 })],
    payable: 4700,
    couponIds: [id(3)],
  },
  {
    title: 'of one template the copy that ends first',
    lines: [line('1', 5000, 1)],
    shippingFee: 0,
    coupons: [
      coupon(id(3, 2), { kind: 'instant', off: 300 }, { validUntilMs: 9000 }),
      coupon(id(3, 5), { kind: 'instant', off: 300 }, { validUntilMs: 8000 }),
    ],
    payable: 4700,
    couponIds: [id(3, 5)],
  },
  {
    title: 'an exclusive coupon against two others',
    lines: [line('1', 10000, 1)],
    shippingFee: 800,
    coupons: [
      coupon(id(1), { kind: 'percent', rate: 7000 }, { stacking: { exclusive: true } }),
      coupon(id(2), { kind: 'instant', off: 1000 }),
      coupon(id(3), { kind: 'shipping' }),
    ],
    payable: 7800,
    couponIds: [id(1)],
  },
  {
    title: 'nothing that helps',
    lines: [line('1', 100, 1)],
    shippingFee: 0,
    coupons: [coupon(id(1), { kind: 'instant', off: 10, minSpend: 500 })],
    payable: 100,
    couponIds: [],
  },
];
