/** What DTM sends to a branch. */
import { z } from 'zod';
import { token, userId } from '../catalog/fields.ts';
import { askedIds, LOCK_SECONDS, orderId, orderOf, orderShape } from './order-schema.ts';

/** As long as DTM's own tables have them. */
const GID_CHARS_MAX = 128;
const TRANS_TYPE_CHARS_MAX = 45;

/** Others that a coordinator adds are its own affair. */
function sagaQuery<const T extends readonly [string, ...string[]]>(ops: T) {
  return z
    .object({
      gid: token(GID_CHARS_MAX),
      trans_type: token(TRANS_TYPE_CHARS_MAX),
      branch_id: token(GID_CHARS_MAX),
      op: z.enum(ops),
    })
    .transform(({ gid, trans_type, branch_id, op }) => ({
      gid,
      transType: trans_type,
      branchId: branch_id,
      op,
    }));
}
export const sagaActionQuery = sagaQuery(['action', 'try', 'confirm']);
export const sagaCompensationQuery = sagaQuery(['compensate', 'cancel', 'rollback']);

export const sagaLockBody = z
  .strictObject({
    ...orderShape,
    userId,
    orderId,
    couponIds: askedIds,
    lockSeconds: LOCK_SECONDS.optional(),
  })
  .transform((body) => ({
    userId: body.userId,
    orderId: body.orderId,
    couponIds: body.couponIds,
    order: orderOf(body),
    lockSeconds: body.lockSeconds ?? null,
  }));

const order = { userId, orderId };
export const sagaUseBody = z.strictObject(order);
/** A compensation is sent what its action was sent: a lock's members may stand in it, and are not looked at. */
export const sagaOrderBody = z.object(order);
