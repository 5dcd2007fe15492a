/**
 * Writes the answers of the claim route. A won claim and a repeat are the same few members around two ids; what does
 * not change is kept per pool. Refusals without members of their own are rendered once per code.
 */
import { refusalOf, Verdict } from '../actors/verdict.ts';
import { couponCodeText, couponIdText, iso } from '../claims/claim-text.ts';
import { refusal } from '../claims/refusal.ts';
import type { PoolView } from '../claims/template-view.ts';
import { PROBLEMS, type Problem } from '../problems.ts';
import { PROBLEM_CONTENT_TYPE, problemBody, problemHeaders, statusLine } from './problem-response.ts';
import type { HttpResponse } from './uws-types.ts';

const CREATED = '201 Created';
const JSON_TYPE = 'application/json';
const DAY_MS = 86_400_000;

/** The JSON of a won or repeated claim. */
export function claimBody(pool: PoolView, verdict: number, serial: number): string {
  const view = pool.template;
  const claimedAtMs = view.units.claimedAtMs(serial);
  const { validity } = view.template;
  const activityId = pool.rules.activityId;
  const claimedAt = iso(claimedAtMs);
  const head =
    verdict === Verdict.claimed
      ? '{"status":"claimed","couponId":"'
      : '{"status":"already_claimed","couponId":"';
  const window =
    'daysAfterClaim' in validity
      ? `","validFrom":"${claimedAt}","validUntil":"${new Date(claimedAtMs + validity.daysAfterClaim * DAY_MS).toISOString()}"}`
      : fixedWindow(pool);
  const activity = activityId === 0 ? '' : `","activityId":"${activityId}`;
  return `${head}${couponIdText(view, serial)}","couponCode":"${couponCodeText(view, serial)}","templateId":"${view.rules.templateId}${activity}","claimedAt":"${claimedAt}${window}`;
}

const windows = new WeakMap<PoolView, string>();

function fixedWindow(pool: PoolView): string {
  let text = windows.get(pool);
  if (text === undefined) {
    const { validity } = pool.template.template;
    if ('daysAfterClaim' in validity) throw new Error('a relative validity has no fixed window');
    const from = new Date(validity.fromMs).toISOString();
    text = `","validFrom":"${from}","validUntil":"${new Date(validity.untilMs).toISOString()}"}`;
    windows.set(pool, text);
  }
  return text;
}

interface RenderedProblem {
  readonly status: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

function render(problem: Problem): RenderedProblem {
  return {
    status: statusLine(PROBLEMS[problem.code].status),
    headers: Object.entries(problemHeaders(problem)),
    body: problemBody(problem),
  };
}

const plainRefusals: (RenderedProblem | undefined)[] = [];

/** Writes the answer to a claim; inside a cork. `cors`: headers as pairs, empty without an origin. */
export function writeClaimAnswer(
  res: HttpResponse,
  pool: PoolView,
  verdict: number,
  serial: number,
  lo: number,
  hi: number,
  cors: readonly (readonly [string, string])[],
): void {
  if (verdict === Verdict.claimed || verdict === Verdict.alreadyClaimed) {
    if (verdict === Verdict.claimed) res.writeStatus(CREATED);
    for (const [name, value] of cors) res.writeHeader(name, value);
    res.writeHeader('Content-Type', JSON_TYPE);
    res.end(claimBody(pool, verdict, serial));
    return;
  }
  const code = refusalOf(verdict);
  if (code === 'limit_reached' || code === 'not_started' || code === 'not_active') {
    writeRendered(res, render(refusal(pool, verdict, lo, hi)), cors);
    return;
  }
  let rendered = plainRefusals[verdict];
  if (rendered === undefined) {
    rendered = render(refusal(pool, verdict, lo, hi));
    plainRefusals[verdict] = rendered;
  }
  writeRendered(res, rendered, cors);
}

/** `hangUp`: the connection goes with the answer. */
export function writeProblem(
  res: HttpResponse,
  problem: Problem,
  cors: readonly (readonly [string, string])[],
  hangUp = false,
): void {
  writeRendered(res, render(problem), cors, hangUp);
}

function writeRendered(
  res: HttpResponse,
  { status, headers, body }: RenderedProblem,
  cors: readonly (readonly [string, string])[],
  hangUp = false,
): void {
  res.writeStatus(status);
  for (const [name, value] of cors) res.writeHeader(name, value);
  for (const [name, value] of headers) res.writeHeader(name, value);
  res.writeHeader('Content-Type', PROBLEM_CONTENT_TYPE);
  res.end(body, hangUp);
}
