/** The classic design behind uWebSockets.js: the same ingress as Doorbuster's, with Redis where the engine is. */
import { loadUws } from '../../src/http/uws.ts';
import type { HttpResponse } from '../../src/http/uws-types.ts';
import { answerText, NO_USER, NOT_FOUND, PROBLEM_CONTENT_TYPE, SOLD_OUT, UNAVAILABLE } from './coupon.ts';
import { isUserId, peerEntry } from './peer-entry.ts';
import type { ClaimableTemplate, ClaimOutcome } from './redis-claims.ts';

/** The header rides on the status line, as in Doorbuster: one call into the library less. */
const JSON_TYPE = '\r\nContent-Type: application/json';
const PROBLEM_TYPE = `\r\nContent-Type: ${PROBLEM_CONTENT_TYPE}`;
const CREATED = Buffer.from(`201 Created${JSON_TYPE}`);
const OK = Buffer.from(`200 OK${JSON_TYPE}`);
const CONFLICT = Buffer.from(`409 Conflict${PROBLEM_TYPE}`);

const { port, claims, ready } = await peerEntry();

function writeOutcome(res: HttpResponse, template: ClaimableTemplate, outcome: ClaimOutcome): void {
  if (outcome.status === 'sold_out') {
    res.writeStatus(CONFLICT).end(SOLD_OUT);
    return;
  }
  res
    .writeStatus(outcome.status === 'claimed' ? CREATED : OK)
    .end(answerText(outcome.status, template.id, outcome.serial, outcome.claimedAtMs));
}

function writeProblem(res: HttpResponse, status: string, body: string): void {
  res.writeStatus(status + PROBLEM_TYPE).end(body);
}

loadUws()
  .App()
  .post('/v1/templates/:id/claims', (res, req) => {
    const idText = req.getParameter(0);
    const userId = req.getHeader('x-user-id');
    if (!isUserId(userId)) return writeProblem(res, '401 Unauthorized', NO_USER);
    let gone = false;
    res.onAborted(() => {
      gone = true;
    });
    const answer = (write: () => void) => {
      if (!gone) res.cork(write);
    };
    const failed = () => answer(() => writeProblem(res, '503 Service Unavailable', UNAVAILABLE));
    const claim = (template: ClaimableTemplate) =>
      claims
        .claim(template, userId)
        .then((outcome) => answer(() => writeOutcome(res, template, outcome)), failed);

    const known = claims.knownTemplate(idText);
    if (known !== undefined) {
      claim(known);
      return;
    }
    claims.findTemplate(idText).then((template) => {
      if (template === null) answer(() => writeProblem(res, '404 Not Found', NOT_FOUND));
      else claim(template);
    }, failed);
  })
  .listen('127.0.0.1', port, (socket) => {
    if (!socket) throw new Error(`port ${port} is taken`);
    ready();
  });
