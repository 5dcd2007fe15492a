/**
 * Answers requests that somebody else has read from a socket: looks up the route, checks query and body, runs the handler.
 * Whoever holds the socket has found the route and admitted the caller. What goes wrong is logged and answered too.
 */
import { z } from 'zod';
import { ok, type Problem, type Result } from '../problems.ts';
import { parseJson } from './body.ts';
import { type Rendered, render } from './exchange.ts';
import { parseQuery } from './query.ts';
import { type FaultLog, failed, type RelayedRequest } from './relayed.ts';
import type { Answer, BodyKind, Route } from './route.ts';
import { RouteTable } from './route-table.ts';
import { validate } from './validation.ts';

export interface RouteRunnerOptions {
  readonly routes: readonly Route[];
  readonly now: () => number;
  readonly log: FaultLog;
}

export class RouteRunner {
  readonly #table: RouteTable<Route>;
  readonly #options: RouteRunnerOptions;

  constructor(options: RouteRunnerOptions) {
    this.#options = options;
    this.#table = new RouteTable(options.routes);
  }

  /** Never rejects. */
  async answer(request: RelayedRequest): Promise<Rendered> {
    try {
      return render(await this.#run(request));
    } catch (error) {
      return render(failed(`${request.method} ${request.path}`, error, this.#options.log));
    }
  }

  async #run({ method, path, query, headers, caller, body }: RelayedRequest): Promise<Answer | Problem> {
    const match = this.#table.find(path);
    const route = match?.methods.get(method);
    if (match == null || route === undefined) throw new Error('a request was relayed that no route is for');
    const asked = parseQuery(query, route.query);
    if (!asked.ok) return asked.problem;
    const checked = checkBody(route.body, body);
    if (!checked.ok) return checked.problem;
    return route.handle({
      params: match.params,
      query: asked.value,
      body: checked.value,
      caller,
      header: (name) => (Object.hasOwn(headers, name) ? headers[name]! : ''),
      nowMs: this.#options.now(),
    });
  }
}

const EMPTY_BODY = z.strictObject({});

function checkBody(kind: BodyKind, raw: Uint8Array): Result<unknown> {
  if (kind === 'bytes') return ok(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength));
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
