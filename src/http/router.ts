/**
 * Everything of the HTTP face that is not the claim path, up to its handlers: one handler on `/*` that finds the route,
 * checks who is calling, reads the body, hands the request on as plain values and writes what comes back. The library ends
 * the process when a handler throws or returns unanswered without onAborted, so that comes first (Exchange) and every
 * step is caught.
 */

import type { Caller } from '../auth/caller.ts';
import type { Authenticator } from '../auth/credentials.ts';
import { BODY_BYTES_MAX } from '../limits.ts';
import { problem } from '../problems.ts';
import { admit } from './access.ts';
import { readBody } from './body.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { Exchange, type Outgoing, type Rendered } from './exchange.ts';
import { type FaultLog, failed, type RelayedRequest } from './relayed.ts';
import { RequestHeaders } from './request-headers.ts';
import type { Method, RouteHead } from './route.ts';
import { RouteTable } from './route-table.ts';
import type { HttpRequest, HttpResponse, TemplatedApp } from './uws-types.ts';

export interface RouterOptions {
  readonly routes: readonly RouteHead[];
  readonly authenticator: Pick<Authenticator, 'caller'>;
  readonly corsOrigins: readonly string[];
  /** Has the request answered: RouteRunner.answer, in this or in another thread. */
  readonly relay: (request: RelayedRequest) => Promise<Rendered>;
  readonly log: FaultLog;
}

export interface Router {
  /** Registers `any('/*')`: routes registered on the app for a narrower path come first. */
  mount(app: TemplatedApp): void;
  /** Requests begun and not yet answered or aborted; 0 means drained. */
  inFlight(): number;
}

/** What is known before the body: an answer already, or what to have answered. */
type Examined =
  | { readonly kind: 'reply'; readonly reply: Outgoing }
  | {
      readonly kind: 'relay';
      readonly bodyBytesMax: number;
      readonly request: Omit<RelayedRequest, 'body'>;
    };

const NO_BODY = new Uint8Array(0);

export function createRouter(options: RouterOptions): Router {
  const table = new RouteTable(options.routes);
  const corsOrigins = new Set(options.corsOrigins);
  const deciding = new RequestHeaders();
  let inFlight = 0;

  function examine(req: HttpRequest, method: string, path: string): Examined {
    deciding.read(req);
    const framing = deciding.framingProblem();
    if (framing !== null) return { kind: 'reply', reply: { result: framing, hangUp: 'at once' } };
    const repeated = deciding.repeatedProblem();
    if (repeated !== null) return { kind: 'reply', reply: { result: repeated } };

    const match = table.find(path);
    if (match === null) {
      return {
        kind: 'reply',
        reply: { result: problem('not_found', `There is nothing at ${path.slice(0, 200)}.`) },
      };
    }
    const methods = [...match.methods.keys(), 'OPTIONS'];
    const Allow = methods.join(', ');
    if (method === 'OPTIONS') {
      const preflight = preflightHeaders(deciding.origin, corsOrigins, methods);
      return { kind: 'reply', reply: { result: { status: 204 }, headers: { Allow, ...preflight } } };
    }
    const route = match.methods.get(method as Method);
    if (route === undefined) {
      const result = problem(
        'method_not_allowed',
        `${method.slice(0, 20)} is not possible here; ${Allow} are.`,
      );
      return { kind: 'reply', reply: { result, headers: { Allow } } };
    }
    const caller = admit(route.access, options.authenticator, deciding.reader);
    if (!caller.ok) return { kind: 'reply', reply: { result: caller.problem } };
    return {
      kind: 'relay',
      bodyBytesMax: route.bodyBytesMax ?? BODY_BYTES_MAX,
      request: requestOf(req, route, path, caller.value),
    };
  }

  function requestOf(
    req: HttpRequest,
    { method }: RouteHead,
    path: string,
    caller: Caller,
  ): Omit<RelayedRequest, 'body'> {
    const headers: Record<string, string> = {};
    req.forEach((name, value) => {
      if (!Object.hasOwn(headers, name)) headers[name] = value;
    });
    return { method, path, query: req.getQuery() ?? '', headers, caller };
  }

  async function relay(exchange: Exchange, request: RelayedRequest): Promise<void> {
    try {
      exchange.write(await options.relay(request));
    } catch (error) {
      fail(exchange, `${request.method} ${request.path}`, error);
    }
  }

  function fail(exchange: Exchange, what: string, error: unknown): void {
    exchange.send({ result: failed(what, error, options.log) });
  }

  function serve(exchange: Exchange, res: HttpResponse, examined: Examined): void {
    if (examined.kind === 'reply') {
      exchange.send(examined.reply);
      return;
    }
    const { request, bodyBytesMax } = examined;
    const announcedBytes = Number(deciding.contentLength);
    if (announcedBytes === 0 && deciding.transferEncoding === '') {
      void relay(exchange, { ...request, body: NO_BODY });
      return;
    }
    readBody(res, bodyBytesMax, announcedBytes, (raw) => {
      if (raw.ok) void relay(exchange, { ...request, body: raw.value });
      // The rest of an oversized body is not worth reading: the connection goes with it.
      else exchange.send({ result: raw.problem, hangUp: 'after' });
    });
  }

  return {
    mount(app) {
      app.any('/*', (res, req) => {
        inFlight++;
        const exchange = new Exchange(
          res,
          corsHeaders(req.getHeader('origin'), corsOrigins),
          () => inFlight--,
        );
        const method = req.getMethod().toUpperCase();
        const path = req.getUrl();
        try {
          serve(exchange, res, examine(req, method, path));
        } catch (error) {
          fail(exchange, `${method} ${path}`, error);
        }
      });
    },
    inFlight: () => inFlight,
  };
}
