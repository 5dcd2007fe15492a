/** What an order comes to with a user's coupons. */
import type { Quotes } from '../operations/quotes.ts';
import { actingUser } from './acting-user.ts';
import { quotedJson } from './order-json.ts';
import { quoteBody, usableBody } from './order-schema.ts';
import { type Route, route } from './route.ts';

export function quoteRoutes(quotes: Quotes): Route[] {
  return [
    route({
      method: 'POST',
      path: '/v1/quotes',
      access: 'actor',
      body: quoteBody,
      handle: async ({ body, caller, nowMs }) => {
        const asker = actingUser(caller, body.userId);
        if (!asker.ok) return asker.problem;
        const quoted = await quotes.quote(asker.value.userId, body.order, body.couponIds, nowMs);
        return quoted.ok ? { status: 200, json: quotedJson(quoted.value) } : quoted.problem;
      },
    }),
    route({
      method: 'POST',
      path: '/v1/me/usable',
      access: 'actor',
      body: usableBody,
      handle: async ({ body, caller, nowMs }) => {
        const asker = actingUser(caller, body.userId);
        if (!asker.ok) return asker.problem;
        const each = await quotes.each(asker.value.userId, body.order, nowMs);
        if (!each.ok) return each.problem;
        const items = each.value.map((quote) => {
          const [{ couponId, off, reason, missing }] = quote.coupons as [(typeof quote.coupons)[number]];
          const why = { reason, ...(missing === undefined ? {} : { missing }) };
          return { couponId: String(couponId), ...(reason === null ? { off, payable: quote.payable } : why) };
        });
        return { status: 200, json: { items } };
      },
    }),
  ];
}
