/** What listens on the public port: claims, the WebSocket, and the router for everything else. */
import { AddressLimit } from '../auth/address-limit.ts';
import { AddressRateLimiter } from '../auth/address-rate-limit.ts';
import type { Authenticator } from '../auth/authenticator.ts';
import { RateLimiter } from '../auth/rate-limit.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { Config } from '../config.ts';
import { wasOpened } from '../domain/lifecycle.ts';
import type { Engine } from '../engine/engine.ts';
import { ClaimRoutes } from '../http/claim-routes.ts';
import type { Route } from '../http/route.ts';
import { createRouter, type Router } from '../http/router.ts';
import { loadUws } from '../http/uws.ts';
import type { TemplatedApp } from '../http/uws-types.ts';
import { LiveClaims } from '../live/live-claims.ts';
import { LiveSocket } from '../live/live-socket.ts';
import { StockWatch } from '../live/stock-watch.ts';
import type { Logger } from '../logger.ts';

export interface FaceParts {
  readonly config: Config;
  readonly engine: Engine;
  readonly catalog: Catalog;
  readonly authenticator: Authenticator;
  readonly routes: readonly Route[];
  readonly now: () => number;
  readonly log: Logger;
}

export interface PublicFaces {
  readonly app: TemplatedApp;
  readonly claims: ClaimRoutes;
  readonly live: LiveSocket;
  readonly watch: StockWatch;
  readonly router: Router;
}

export function composeFaces({
  config,
  engine,
  catalog,
  authenticator,
  routes,
  now,
  log,
}: FaceParts): PublicFaces {
  const { corsOrigins } = config;
  const app = loadUws().App();
  // Claims count in one, whichever way they come.
  const userLimiter = new RateLimiter(config.rateLimitUserPerSecond);
  const addressLimit = addressLimitOf(config.rateLimitAddressPerSecond, authenticator, log);
  const template = (templateId: number) => engine.template(templateId);
  const templateOfActivity = (activityId: number) => engine.templateOfActivity(activityId);
  const watch = new StockWatch({
    activity: (activityId) => {
      const activity = catalog.activity(activityId);
      return activity !== undefined && wasOpened(activity) ? activity : undefined;
    },
    template: (templateId) => catalog.template(templateId)!,
    remaining: (templateId, activityId) => engine.remainingOf(templateId, activityId),
    publish: (topic, message, isBinary) => app.publish(topic, message, isBinary),
    now,
  });
  return {
    app,
    claims: new ClaimRoutes({
      desk: engine.desk,
      template,
      templateOfActivity,
      authenticator,
      userLimiter,
      addressLimit,
      corsOrigins,
      now,
    }),
    live: new LiveSocket({
      authenticator,
      claims: new LiveClaims(engine.desk),
      watch,
      userLimiter,
      addressLimit,
      pool: ({ templateId, activityId }) =>
        activityId === 0
          ? template(templateId)?.pools.get(0)
          : templateOfActivity(activityId)?.pools.get(activityId),
      corsOrigins,
      now,
    }),
    watch,
    router: createRouter({ routes, authenticator, corsOrigins, now, log }),
  };
}

/** Null: addresses are not limited. */
function addressLimitOf(perSecond: number, authenticator: Authenticator, log: Logger): AddressLimit | null {
  if (perSecond === 0) return null;
  return new AddressLimit({ limiter: new AddressRateLimiter(perSecond), authenticator, log });
}
