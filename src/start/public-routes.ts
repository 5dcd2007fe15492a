/** The public HTTP API, apart from claims: every route, over what this node can be asked for. */
import type { Config } from '../config.ts';
import { auditRoute } from '../http/audit-route.ts';
import { catalogRoutes } from '../http/catalog-routes.ts';
import { CLAIM_PATHS } from '../http/claim-paths.ts';
import { couponRoutes } from '../http/coupon-routes.ts';
import { eventRoutes } from '../http/event-routes.ts';
import { quoteRoutes } from '../http/quote-routes.ts';
import { redemptionRoutes } from '../http/redemption-routes.ts';
import type { Route } from '../http/route.ts';
import { sagaRoutes } from '../http/saga-routes.ts';
import { voidRoutes } from '../http/void-routes.ts';
import type { Operations } from './operations.ts';

export function publicRoutes(operations: Operations, config: Pick<Config, 'returns'>): Route[] {
  const { templates, coupons, claimables, quotes, redemptions, usages, lockTerms, sagas, voids } = operations;
  return [
    ...CLAIM_PATHS,
    ...catalogRoutes(templates),
    ...couponRoutes({ coupons, claimables }),
    ...eventRoutes(operations.events),
    ...quoteRoutes(quotes),
    ...voidRoutes(voids),
    ...redemptionRoutes({ redemptions, usages, terms: lockTerms, recheck: config.returns === 'recheck' }),
    ...sagaRoutes({ sagas, lockTtlMs: lockTerms.lockTtlMs }),
    auditRoute(operations.audit),
  ];
}
