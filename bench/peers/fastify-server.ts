/** The classic design behind Fastify, as its documentation advises for speed: no logger, answers by schema. */
import fastify from 'fastify';
import { answerObject, NO_USER, NOT_FOUND, PROBLEM_CONTENT_TYPE, SOLD_OUT, UNAVAILABLE } from './coupon.ts';
import { isUserId, peerEntry } from './peer-entry.ts';

const TEXT = { type: 'string' } as const;
const COUPON = {
  type: 'object',
  properties: {
    status: TEXT,
    couponId: TEXT,
    couponCode: TEXT,
    templateId: TEXT,
    claimedAt: TEXT,
    validFrom: TEXT,
    validUntil: TEXT,
  },
} as const;

interface ClaimRoute {
  Params: { id: string };
}

const { port, claims, ready } = await peerEntry();
const app = fastify({ logger: false });

app.post<ClaimRoute>(
  '/v1/templates/:id/claims',
  { schema: { response: { 200: COUPON, 201: COUPON } } },
  async (request, reply) => {
    const { id } = request.params;
    const userId = request.headers['x-user-id'];
    if (typeof userId !== 'string' || !isUserId(userId)) {
      return reply.code(401).type(PROBLEM_CONTENT_TYPE).send(NO_USER);
    }
    const template = claims.knownTemplate(id) ?? (await claims.findTemplate(id));
    if (template === null) return reply.code(404).type(PROBLEM_CONTENT_TYPE).send(NOT_FOUND);
    const outcome = await claims.claim(template, userId);
    if (outcome.status === 'sold_out') return reply.code(409).type(PROBLEM_CONTENT_TYPE).send(SOLD_OUT);
    return reply
      .code(outcome.status === 'claimed' ? 201 : 200)
      .send(answerObject(outcome.status, template.id, outcome.serial, outcome.claimedAtMs));
  },
);

app.setErrorHandler((_error, _request, reply) =>
  reply.code(503).type(PROBLEM_CONTENT_TYPE).send(UNAVAILABLE),
);

await app.listen({ port, host: '127.0.0.1' });
ready();
