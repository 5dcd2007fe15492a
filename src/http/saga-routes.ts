/** Branches of distributed transactions, as DTM calls them: the transaction in the query, what to do in the body. */
import { type Sagas, sagaLock } from '../operations/sagas.ts';
import type { SagaCall } from '../ports-coupons.ts';
import { type Reply, type Route, route } from './route.ts';
import {
  sagaActionQuery,
  sagaCompensationQuery,
  sagaLockBody,
  sagaOrderBody,
  sagaUseBody,
} from './saga-schema.ts';

export interface SagaRoutesOptions {
  readonly sagas: Sagas;
  readonly lockTtlMs: number;
}

export function sagaRoutes({ sagas, lockTtlMs }: SagaRoutesOptions): Route[] {
  /** Nothing of the caller's own words stands in an answer: FAILURE and ONGOING mean something to DTM. */
  async function answer(call: SagaCall): Reply {
    const done = await sagas.run(call);
    if (!done.ok) return done.problem;
    if (done.value === null) return { status: 200, json: { redemptionId: null, state: null } };
    const { redemptionId, state } = done.value;
    return { status: 200, json: { redemptionId: String(redemptionId), state } };
  }

  function compensation(call: 'release' | 'revert'): Route {
    return route({
      method: 'POST',
      path: `/v1/saga/${call}`,
      access: 'service',
      query: sagaCompensationQuery,
      body: sagaOrderBody,
      handle: ({ query, body }) => answer({ ...query, ...body, call }),
    });
  }

  return [
    route({
      method: 'POST',
      path: '/v1/saga/lock',
      access: 'service',
      query: sagaActionQuery,
      body: sagaLockBody,
      handle: ({ query, body }) => {
        const { userId, orderId } = body;
        const lock = sagaLock(query.gid, body, lockTtlMs);
        return answer({ ...query, userId, orderId, call: 'lock', lock });
      },
    }),
    route({
      method: 'POST',
      path: '/v1/saga/use',
      access: 'service',
      query: sagaActionQuery,
      body: sagaUseBody,
      handle: ({ query, body }) => answer({ ...query, ...body, call: 'use' }),
    }),
    compensation('release'),
    compensation('revert'),
  ];
}
