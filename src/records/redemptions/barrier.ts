/**
 * DTM's sub-transaction barrier (dtm-labs/dtm, client/dtmcli/barrier.go). Calls of a branch may come twice, a compensation
 * without its action or before it, and the action afterwards. Each leaves a row in the transaction of what it does; a
 * compensation leaves its action's too, so that an action that comes later finds the place taken. A user's rows stand
 * together, where his coupons are.
 */
import type { SagaCall } from '../../ports-coupons.ts';
import { type Dialect, run, type Steps } from './steps.ts';

/** A compensation's own action. Only saga and workflow call it so; TCC has `try`. */
const ACTIONS: Readonly<Record<SagaCall['op'], string | null>> = {
  action: null,
  try: null,
  confirm: null,
  compensate: 'action',
  rollback: 'action',
  cancel: 'try',
};

/** There is one barrier in a call. */
const BARRIER_ID = '01';

/** Whether what the call is for is to be done now. */
export function* passBarrier(db: Dialect, call: SagaCall): Steps<boolean> {
  const action = ACTIONS[call.op];
  const wasEmpty = action !== null && (yield* insertBarrier(db, call, action));
  const isFirst = yield* insertBarrier(db, call, call.op);
  return isFirst && !wasEmpty;
}

/**
 * Whether the row was not there. Two that come at once: in MySQL the second waits for the first, fails on its row and
 * begins its transaction again. (IGNORE would let through what is cut off to fit.)
 */
function* insertBarrier(
  { nowMs }: Dialect,
  { userId, gid, branchId, transType, op: reason }: SagaCall,
  op: string,
): Steps<boolean> {
  const key = [userId, gid, branchId, op, BARRIER_ID];
  const { matched } = yield* run(
    `INSERT INTO barrier (user_id, gid, branch_id, op, barrier_id, trans_type, reason, at)
      SELECT CAST(? AS SIGNED), ?, ?, ?, ?, ?, ?, ${nowMs} FROM (SELECT 1) AS one
      WHERE NOT EXISTS (SELECT 1 FROM barrier
        WHERE user_id = CAST(? AS SIGNED) AND gid = ? AND branch_id = ? AND op = ? AND barrier_id = ?)`,
    [...key, transType, reason, ...key],
  );
  return matched === 1;
}
