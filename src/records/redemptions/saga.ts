/**
 * Branches of a distributed transaction. What a refused action did is undone with its barrier row, so that it is refused
 * again when it is repeated. A compensation touches only what its transaction made, and is never refused.
 */
import type { Redemption, SagaCall, SagaOutcome } from '../../ports-coupons.ts';
import { passBarrier } from './barrier.ts';
import { lock } from './lock.ts';
import { release, revert } from './moves.ts';
import { readOfSaga } from './redemption-rows.ts';
import type { TemplateRules } from './rules.ts';
import { clock, type Dialect, type Steps } from './steps.ts';
import { use } from './use.ts';

export function* saga(db: Dialect, rules: TemplateRules, call: SagaCall): Steps<SagaOutcome> {
  if (!(yield* passBarrier(db, call)))
    return { kind: 'done', redemptions: yield* made(db, call), isSkipped: true };
  switch (call.call) {
    case 'lock': {
      const { gid, userId, orderId } = call;
      const outcome = yield* lock(db, rules, { ...call.lock, gid, userId, orderId });
      if (outcome.kind !== 'locked') return outcome;
      break;
    }
    case 'use': {
      // The latest: an order has one that lives.
      const redemption = (yield* made(db, call)).at(-1);
      if (redemption === undefined) return { kind: 'refused', code: 'not_found' };
      const { redemptionId } = redemption;
      const outcome = yield* use(db, { redemptionId, order: null, paidAtMs: null });
      if (outcome.kind === 'refused') return outcome;
      break;
    }
    default:
      for (const redemption of yield* made(db, call)) yield* undo(db, redemption);
  }
  return { kind: 'done', redemptions: yield* made(db, call), isSkipped: false };
}

function* made(db: Dialect, { userId, orderId, gid }: SagaCall): Steps<Redemption[]> {
  const records = yield* readOfSaga(db, userId, orderId, gid, yield* clock(db));
  return records.map(({ redemption }) => redemption);
}

/** The one way back from where it is, whichever branch asks: what is used is reverted, what is over is left. */
function* undo(db: Dialect, { redemptionId, state }: Redemption): Steps<void> {
  if (state === 'released' || state === 'reverted') return;
  const outcome =
    state === 'used' ? yield* revert(db, redemptionId) : yield* release(db, { redemptionId, userId: null });
  if (outcome.kind === 'refused')
    throw new Error(`redemption ${redemptionId}, which was ${state}, was not undone: ${outcome.code}`);
}
