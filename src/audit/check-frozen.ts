/** Whether a frozen quote adds up, by the product's rules for quotes (domain/quote/quote.ts), without quoting again. */
import type { Frozen } from '../ports-coupons.ts';

/** What does not, in words. */
export function faultsOfFrozen({ order, coupons, quote }: Frozen): string[] {
  const faults: string[] = [];
  const hold = (holds: boolean, what: string): void => {
    if (!holds) faults.push(what);
  };
  const amounts = order.lines.map(({ price, quantity }) => price * quantity);
  const goods = sum(amounts);
  const { original, discount, shippingDiscount, payable, goodsPayable, shippingPayable } = quote;
  hold(original === goods + order.shippingFee, 'original is not the lines and the shipping fee');
  hold(
    payable === original - discount - shippingDiscount,
    'payable is not original less discount and shippingDiscount',
  );
  hold(discount === goods - goodsPayable, 'discount is not what goodsPayable lacks of the lines');
  hold(shippingDiscount === order.shippingFee - shippingPayable, 'shippingDiscount is not off the fee');
  hold(goodsPayable === sum(quote.lines.map((line) => line.payable)), 'lines do not add up to goodsPayable');
  hold(
    quote.lines.length === amounts.length &&
      quote.lines.every(
        (line, i) =>
          line.payable + sum(quote.coupons.map(({ lineOffs }) => lineOffs[i] ?? 0)) === amounts[i] &&
          sum(line.units.map(({ count }) => count)) === order.lines[i]!.quantity &&
          sum(line.units.map(({ count, price }) => count * price)) === line.payable,
      ),
    'a line is not what its units and the coupons on it come to',
  );
  hold(
    sum(quote.coupons.map(({ off }) => off)) === discount + shippingDiscount,
    'coupons do not take the discounts',
  );
  hold(
    coupons.length === quote.coupons.length &&
      coupons.every(({ couponId }, i) => couponId === quote.coupons[i]!.couponId),
    'coupons are not those quoted',
  );
  hold(new Set(coupons.map(({ couponId }) => couponId)).size === coupons.length, 'a coupon is named twice');
  return faults;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
