/**
 * Everything of the HTTP face that is not the claim path: one handler on `/*` that looks up the route, checks the
 * caller, the query and the body, runs the handler and writes what it says. The library ends the process when a
 * handler throws or returns unanswered without onAborted, so that comes first (Exchange) and every step is caught.
 */
import { z } from 'zod';
import type { Authenticator } from '../auth/authenticator.ts';
import { BODY_BYTES_MAX } from '../limits.ts';
import { Overloaded, ok, problem, type Result, Unavailable } from '../problems.ts';
import { admit } from './access.ts';
import { parseJson, readBody } from './body.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { Exchange, type Outgoing } from './exchange.ts';
import { parseQuery } from './query.ts';
import { RequestHeaders } from './request-headers.ts';
import type { BodyKind, Ctx, Method, Route } from './route.ts';
import { RouteTable } from './route-table.ts';
import type { HttpRequest, HttpResponse, TemplatedApp } from './uws-types.ts';
import { validate } from './validation.ts';

export interface RouterOptions {
  readonly routes: readonly Route[];
  readonly authenticator: Pick<Authenticator, 'caller'>;
  readonly corsOrigins: readonly string[];
  readonly now: () => number;
  readonly log: { error(fields: object, message: string): void };
}

export interface Router {
  /** Registers `any('/*')`: routes registered on the app for a narrower path come first. */
  mount(app: TemplatedApp): void;
  /** Requests begun and not yet answered or aborted; 0 means drained. */
  inFlight(): number;
}

/** What is known before the body: an answer already, or the route to run. */
type Examined =
  | { readonly kind: 'reply'; readonly reply: Outgoing }
  | { readonly kind: 'run'; readonly route: Route; readonly ctx: Omit<Ctx, 'body' | 'nowMs'> };

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

    const headers = new Map<string, string>();
    req.forEach((name, value) => {
      if (!headers.has(name)) headers.set(name, value);
    });
    const header = (name: string): string => headers.get(name) ?? '';

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
      const preflight = preflightHeaders(header('origin'), corsOrigins, methods);
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
    const caller = admit(route.access, options.authenticator, header);
    if (!caller.ok) return { kind: 'reply', reply: { result: caller.problem } };
    const query = parseQuery(req.getQuery() ?? '', route.query);
    if (!query.ok) return { kind: 'reply', reply: { result: query.problem } };
    return {
      kind: 'run',
      route,
      ctx: { params: match.params, query: query.value, caller: caller.value, header },
    };
  }

  async function run(
    exchange: Exchange,
    what: string,
    route: Route,
    ctx: Omit<Ctx, 'body' | 'nowMs'>,
    raw: Buffer,
  ) {
    try {
      const body = checkBody(route.body, raw);
      const result = body.ok
        ? await route.handle({ ...ctx, body: body.value, nowMs: options.now() })
        : body.problem;
      exchange.send({ result });
    } catch (error) {
      fail(exchange, what, error);
    }
  }

  function fail(exchange: Exchange, what: string, error: unknown): void {
    if (error instanceof Unavailable) {
      options.log.error({ request: what, reason: error.message }, 'request could not be served');
      exchange.send({
        result:
          error instanceof Overloaded
            ? problem('overloaded', 'Too much is being asked at once; try again.')
            : problem('unavailable', 'What this needs cannot be reached at the moment.'),
      });
      return;
    }
    options.log.error({ err: error, request: what }, 'request failed');
    exchange.send({
      result: problem('internal', 'The server could not handle this request; its log says why.'),
    });
  }

  function serve(
    exchange: Exchange,
    res: HttpResponse,
    req: HttpRequest,
    what: string,
    examined: Examined,
  ): void {
    if (examined.kind === 'reply') {
      exchange.send(examined.reply);
      return;
    }
    const { route, ctx } = examined;
    const announcedBytes = Number(ctx.header('content-length'));
    if (announcedBytes === 0 && req.getHeader('transfer-encoding') === '') {
      void run(exchange, what, route, ctx, Buffer.alloc(0));
      return;
    }
    readBody(res, route.bodyBytesMax ?? BODY_BYTES_MAX, announcedBytes, (raw) => {
      if (raw.ok) void run(exchange, what, route, ctx, raw.value);
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
        const what = `${method} ${path}`;
        try {
          serve(exchange, res, req, what, examine(req, method, path));
        } catch (error) {
          fail(exchange, what, error);
        }
      });
    },
    inFlight: () => inFlight,
  };
}

const EMPTY_BODY = z.strictObject({});

function checkBody(kind: BodyKind, raw: Buffer): Result<unknown> {
  if (kind === 'bytes') return ok(raw);
  if (raw.length === 0) {
    if (kind === null) return ok(null);
    // Nothing says the same as {} where nothing has to be said; else what is missing is the body.
    const nothing = kind.safeParse({});
    if (nothing.success) return ok(nothing.data);
  }
  const json = parseJson(raw);
  if (!json.ok) return json;
  if (kind !== null) return validate(kind, json.value);
  const nothing = validate(EMPTY_BODY, json.value);
  return nothing.ok ? ok(null) : nothing;
}
