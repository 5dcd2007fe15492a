/**
 * Writes the answers of the claim route. A won claim and a repeat are the same few members around two ids; what does
 * not change is kept per pool. Refusals without members of their own are rendered once per code.
 */
import { Verdict } from '../actors/verdict.ts';
import { refusal, tellsHeld } from '../claims/refusal.ts';
import type { PoolView } from '../claims/template-view.ts';
import { PROBLEMS, type Problem } from '../problems.ts';
import { claimBody } from './claim-body.ts';
import { claimBytes } from './claim-bytes.ts';
import { PROBLEM_CONTENT_TYPE, problemBody, problemHeaders, statusLine } from './problem-response.ts';
import type { HttpResponse } from './uws-types.ts';

/** As bytes, and with the header riding on the status line: one call into the library less for every claim. */
const CREATED = Buffer.from('201 Created\r\nContent-Type: application/json');
const OK = Buffer.from('200 OK\r\nContent-Type: application/json');
interface RenderedProblem {
  /** With the headers, for the same reason. */
  readonly status: Buffer;
  readonly body: Buffer;
}

function render(problem: Problem): RenderedProblem {
  const headers = { ...problemHeaders(problem), 'Content-Type': PROBLEM_CONTENT_TYPE };
  const lines = Object.entries(headers).map(([name, value]) => `\r\n${name}: ${value}`);
  return {
    status: Buffer.from(statusLine(PROBLEMS[problem.code].status) + lines.join('')),
    body: Buffer.from(problemBody(problem)),
  };
}

const plainRefusals: (RenderedProblem | undefined)[] = [];

/** Writes the answer to a claim; inside a cork. `cors`: headers as pairs, empty without an origin. */
export function writeClaimAnswer(
  res: HttpResponse,
  pool: PoolView,
  verdict: number,
  serial: number,
  cors: readonly (readonly [string, string])[],
): void {
  if (verdict === Verdict.claimed || verdict === Verdict.alreadyClaimed) {
    res.writeStatus(verdict === Verdict.claimed ? CREATED : OK);
    for (const [name, value] of cors) res.writeHeader(name, value);
    res.end(claimBytes(pool, verdict, serial) ?? claimBody(pool, verdict, serial));
    return;
  }
  // What a refusal says to somebody who holds nothing is always the same, but for the time and for what was deleted.
  if (tellsHeld(verdict, serial) || verdict === Verdict.notStarted || verdict === Verdict.notActive) {
    writeRendered(res, render(refusal(pool, verdict, serial)), cors);
    return;
  }
  let rendered = plainRefusals[verdict];
  if (rendered === undefined) {
    rendered = render(refusal(pool, verdict, serial));
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
  { status, body }: RenderedProblem,
  cors: readonly (readonly [string, string])[],
  hangUp = false,
): void {
  res.writeStatus(status);
  for (const [name, value] of cors) res.writeHeader(name, value);
  res.end(body, hangUp);
}
