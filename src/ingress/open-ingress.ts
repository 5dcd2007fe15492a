/** Opens the ingress of a thread: its app without a port of its own, which gets its connections from main. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Authenticator, matchersOf } from '../auth/credentials.ts';
import { gatewayAuthenticator } from '../auth/gateway-authenticator.ts';
import type { Rendered } from '../http/exchange.ts';
import type { RelayedRequest } from '../http/relayed.ts';
import { loadUws } from '../http/uws.ts';
import { RPC_LONG_DEADLINE_MS } from '../limits.ts';
import type { RecordStore } from '../ports.ts';
import type { LocalLine } from '../rings/local-line.ts';
import { RECORDS_CALLS } from '../workers/records-calls.ts';
import { remote } from '../workers/rpc.ts';
import { Ingress } from './ingress.ts';
import type { FromIngress, IngressData, ToIngress } from './ingress-messages.ts';

const KEY_SET_RETRY_MS = 1_000;
/** Requests relayed at a time; one more is refused as `overloaded`. */
const RELAYED_MAX = 16_384;

/** What main answers. */
export interface Relay {
  answer(request: RelayedRequest): Promise<Rendered>;
}

export interface OpenIngress {
  /** Of its app, for main to hand it connections. */
  readonly descriptor: unknown;
  receive(message: ToIngress): void;
  close(): void;
}

export async function openIngress(
  data: IngressData,
  line: LocalLine,
  tell: (message: FromIngress) => void,
): Promise<OpenIngress> {
  const authenticator = await authenticatorOf(data);
  const app = loadUws({ isLoaded: true }).App();
  const main = remote<Relay>(data.relay, { pendingMax: RELAYED_MAX, deadlineMs: RPC_LONG_DEADLINE_MS });
  const store = remote<RecordStore>(data.store, RECORDS_CALLS);
  const ingress = new Ingress({
    data,
    app,
    authenticator,
    tell,
    relay: (request) => main.answer(request),
    spent: (couponIds, nowMs) => store.spentCoupons(couponIds, nowMs),
    line,
    now: Date.now,
  });
  return {
    descriptor: app.getDescriptor(),
    receive: (message) => ingress.receive(message),
    close: () => {
      ingress.stop();
      app.close();
    },
  };
}

/** Loads what reads tokens only where there are some: in every thread it takes as long as all the rest. */
async function authenticatorOf({ config, adminToken, isRestart }: IngressData): Promise<Authenticator> {
  if (config.auth === 'gateway') {
    const { isAdminToken, isGatewayKey } = matchersOf(config, adminToken);
    return gatewayAuthenticator(isAdminToken, isGatewayKey);
  }
  const { createAuthenticator } = await import('../auth/authenticator.ts');
  if (config.jwksUrl === null) return createAuthenticator(config, { adminToken });
  const { loadJwks } = await import('../auth/jwks.ts');
  for (;;) {
    const loaded = await loadJwks(config.jwksUrl);
    if (loaded.ok) return createAuthenticator(config, { adminToken }, { jwks: loaded.jwks });
    if (!isRestart) throw new Error(loaded.error);
    // The owner of this thread serves what comes by other threads meanwhile.
    await pause(KEY_SET_RETRY_MS);
  }
}
