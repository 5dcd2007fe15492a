/**
 * The claim routes: the one path of this server that is written for the crowd. No promise, no closure and no object per
 * claim; what is needed when the answer comes lies in arrays by slot. Claims that need no owner are answered before the
 * handler returns.
 */

import type { AddressLimit } from '../auth/address-limit.ts';
import type { Authenticator } from '../auth/credentials.ts';
import type { RateLimiter } from '../auth/rate-limit.ts';
import { type ClaimDesk, type ClaimWaiter, SENT } from '../claims/claim-desk.ts';
import { hashKey } from '../claims/idempotency.ts';
import { notFound, STOPPING } from '../claims/refusal.ts';
import type { PoolView, TemplateView } from '../claims/template-view.ts';
import { ACTIVITY_ID_MAX, BODY_BYTES_MAX, SLOTS, TEMPLATE_ID_MAX } from '../limits.ts';
import { type Problem, problem } from '../problems.ts';
import { parseJson, readBody } from './body.ts';
import { writeClaimAnswer, writeProblem } from './claim-answers.ts';
import { corsHeaders } from './cors.ts';
import { refuseAndHangUp } from './exchange.ts';
import { idempotencyKey } from './idempotency-key.ts';
import { RequestHeaders } from './request-headers.ts';
import type { HttpRequest, HttpResponse, TemplatedApp } from './uws-types.ts';
import { invalidFields } from './validation.ts';

export interface ClaimRoutesOptions {
  readonly desk: ClaimDesk;
  readonly template: (templateId: number) => TemplateView | undefined;
  readonly templateOfActivity: (activityId: number) => TemplateView | undefined;
  readonly authenticator: Pick<Authenticator, 'claimUser'>;
  readonly userLimiter: RateLimiter;
  readonly addressLimit: AddressLimit | null;
  readonly corsOrigins: readonly string[];
  readonly now: () => number;
  /** A claim could not be handled, which should not be: its connection is closed. */
  readonly onFault: (error: unknown) => void;
}

type Cors = readonly (readonly [string, string])[];
const NO_CORS: Cors = [];

/** One claim of every so many is timed. */
const TIMED_EVERY = 16;

export class ClaimRoutes implements ClaimWaiter {
  /** Set at shutdown: no new claims. */
  draining = false;
  /** Told how long one of some claims took, from its parsing to its answer, in seconds. */
  onTimed: (seconds: number) => void = () => {};
  private readonly options: ClaimRoutesOptions;
  private readonly origins: ReadonlySet<string>;
  private readonly responses: (HttpResponse | null)[] = new Array<HttpResponse | null>(SLOTS).fill(null);
  private readonly aborts: (() => void)[];
  private readonly cors: Cors[] = new Array<Cors>(SLOTS).fill(NO_CORS);
  private readonly startedMs = new Float64Array(SLOTS);
  private readonly words = new Uint32Array(2);
  private readonly keyWords = new Uint32Array(2);
  private count = 0;

  // What the static cork callback writes: set right before each cork.
  private res!: HttpResponse;
  private pool!: PoolView;
  private verdict = 0;
  private serial = 0;
  private slot = 0;
  private readonly writeCorked = (): void => {
    writeClaimAnswer(this.res, this.pool, this.verdict, this.serial, this.cors[this.slot]);
  };

  private readonly headers = new RequestHeaders();

  constructor(options: ClaimRoutesOptions) {
    this.options = options;
    this.origins = new Set(options.corsOrigins);
    // After an abort only the response is gone: the slot is given back by the reply that is still to come.
    this.aborts = Array.from({ length: SLOTS }, (_, slot) => () => {
      this.responses[slot] = null;
    });
  }

  mount(app: TemplatedApp): void {
    app.post('/v1/templates/:templateId/claims', (res, req) => {
      const id = parseId(req.getParameter(0), TEMPLATE_ID_MAX);
      this.handle(res, req, id < 0 ? undefined : this.options.template(id)?.pools.get(0), 'template');
    });
    app.post('/v1/activities/:activityId/claims', (res, req) => {
      const id = parseId(req.getParameter(0), ACTIVITY_ID_MAX);
      this.handle(
        res,
        req,
        id < 0 ? undefined : this.options.templateOfActivity(id)?.pools.get(id),
        'activity',
      );
    });
  }

  /** The library ends the process when a handler throws. */
  private handle(res: HttpResponse, req: HttpRequest, pool: PoolView | undefined, what: string): void {
    try {
      this.begin(res, req, pool, what);
    } catch (error) {
      this.options.onFault(error);
      res.close();
    }
  }

  private begin(res: HttpResponse, req: HttpRequest, pool: PoolView | undefined, what: string): void {
    const { headers, words, keyWords } = this;
    headers.read(req);
    const framing = headers.framingProblem();
    if (framing !== null) {
      refuseAndHangUp(res, framing);
      return;
    }
    const cors =
      this.origins.size === 0 ? NO_CORS : Object.entries(corsHeaders(headers.origin, this.origins));
    const key = headers.idempotencyKey;
    const refused = headers.repeatedProblem() ?? this.examine(res, pool, what);
    const { contentLength } = headers;
    if (!headers.framed || contentLength === '0') {
      if (key === '') keyWords.fill(0);
      else hashKey(key, keyWords);
      this.claim(res, pool, refused, words[0], words[1], keyWords[0], keyWords[1], cors);
      return;
    }
    this.handleBody(res, Number(contentLength), pool, refused, key, cors);
  }

  /** What can be said of a claim before its body, if it has one; leaves the user in `words`. */
  private examine(res: HttpResponse, pool: PoolView | undefined, what: string): Problem | null {
    const { options, headers } = this;
    const caller = options.authenticator.claimUser(headers.reader, this.words);
    if (caller !== 'ok') return caller;
    if (this.draining) return STOPPING;
    if (pool === undefined) return notFound(what);
    if (headers.idempotencyKey !== '') {
      const checked = idempotencyKey(headers.reader);
      if (!checked.ok) return checked.problem;
    }
    const { addressLimit } = options;
    if (addressLimit === null) return null;
    const address = addressLimit.addressOf(headers.reader, () => res.getRemoteAddress());
    return limited(addressLimit.admit(address, options.now()));
  }

  /** A claim takes no body; an empty object is let pass, because many clients cannot send less. */
  private handleBody(
    res: HttpResponse,
    bytes: number,
    pool: PoolView | undefined,
    refused: Problem | null,
    key: string,
    cors: Cors,
  ): void {
    const [lo, hi] = this.words;
    let aborted = false;
    res.onAborted(() => {
      aborted = true;
    });
    readBody(res, BODY_BYTES_MAX, bytes, (body) => {
      if (aborted) return;
      const wrong = body.ok ? bodyProblem(body.value) : body.problem;
      if (key === '') this.keyWords.fill(0);
      else hashKey(key, this.keyWords);
      res.cork(() => {
        // The rest of an oversized body is not worth reading: the connection goes with it.
        if (!body.ok) writeProblem(res, body.problem, cors, true);
        else this.claim(res, pool, refused ?? wrong, lo, hi, this.keyWords[0], this.keyWords[1], cors);
      });
    });
  }

  private claim(
    res: HttpResponse,
    pool: PoolView | undefined,
    refused: Problem | null,
    lo: number,
    hi: number,
    keyLo: number,
    keyHi: number,
    cors: Cors,
  ): void {
    const { options } = this;
    const nowMs = options.now();
    refused ??= limited(options.userLimiter.admit(lo, hi, nowMs));
    if (refused !== null || pool === undefined) {
      writeProblem(res, refused ?? notFound('coupon'), cors);
      return;
    }
    const { desk } = options;
    const verdict = desk.claim(pool, lo, hi, keyLo, keyHi, nowMs, this);
    if (verdict !== SENT) {
      writeClaimAnswer(res, pool, verdict, desk.serial, cors);
      return;
    }
    const { slot } = desk;
    this.responses[slot] = res;
    this.cors[slot] = cors;
    this.startedMs[slot] = this.count++ % TIMED_EVERY === 0 ? performance.now() : 0;
    res.onAborted(this.aborts[slot]);
  }

  claimAnswered(slot: number, pool: PoolView, verdict: number, serial: number): void {
    const res = this.responses[slot];
    if (this.startedMs[slot] !== 0) this.onTimed((performance.now() - this.startedMs[slot]) / 1000);
    if (res === null) return;
    this.responses[slot] = null;
    this.res = res;
    this.pool = pool;
    this.verdict = verdict;
    this.serial = serial;
    this.slot = slot;
    res.cork(this.writeCorked);
  }
}

/** The refusal of a limiter that says how long to wait; null when it admits. */
function limited(waitMs: number): Problem | null {
  if (waitMs === 0) return null;
  return problem('rate_limited', 'Too many claims; slow down.', { retryAfterS: waitMs / 1000 });
}

/** A decimal id of at most `max`, or -1. */
function parseId(text: string, max: number): number {
  if (text.length === 0 || text.length > 10) return -1;
  let id = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    id = id * 10 + digit;
  }
  return id >= 1 && id <= max ? id : -1;
}

function bodyProblem(body: Buffer): Problem | null {
  if (body.length === 0) return null;
  const json = parseJson(body);
  if (!json.ok) return json.problem;
  const value = json.value;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    const fields = Object.keys(value);
    if (fields.length === 0) return null;
    return invalidFields(
      fields.map((field) => ({ field, problem: 'is not known', allowed: 'a claim takes no body' })),
    ).problem;
  }
  return invalidFields([{ field: '', problem: 'is not an object', allowed: 'a claim takes no body' }])
    .problem;
}
