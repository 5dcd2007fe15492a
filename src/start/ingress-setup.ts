/** What the owners' threads need to serve clients: how callers are known, which routes there are, who answers them. */
import type { Config } from '../config.ts';
import type { Acceptor, IngressSetup } from '../engine/ingresses.ts';
import { headOf, type Route } from '../http/route.ts';
import { RouteRunner } from '../http/route-runner.ts';
import type { Relay } from '../ingress/open-ingress.ts';
import type { Logger } from '../logger.ts';
import { serveCalls } from '../workers/rpc.ts';

export interface IngressParts {
  readonly config: Config;
  readonly adminToken: string;
  readonly acceptor: Acceptor;
  /** Everything but claims; asked for when the threads start. */
  readonly routes: () => readonly Route[];
  /** How long a claim took. */
  readonly onTook: (seconds: number) => void;
  readonly now: () => number;
  readonly log: Logger;
}

export function ingressSetup(parts: IngressParts): IngressSetup {
  const { config, adminToken, acceptor, onTook, now, log } = parts;
  const { auth, gatewayKey, jwtSecret, jwtPublicKey, jwksUrl, corsOrigins } = config;
  const { rateLimitUserPerSecond, rateLimitAddressPerSecond } = config;
  let runner: RouteRunner | null = null;
  return {
    config: {
      auth,
      gatewayKey,
      jwtSecret,
      jwtPublicKey,
      jwksUrl,
      corsOrigins,
      rateLimitUserPerSecond,
      rateLimitAddressPerSecond,
    },
    adminToken,
    routes: () => parts.routes().map(headOf),
    serveRelays: (port) => {
      runner ??= new RouteRunner({ routes: parts.routes(), now, log });
      const relay: Relay = runner;
      serveCalls(port, relay);
    },
    acceptor,
    onTook,
  };
}
