/** How every thread calls the record store's. */
import { RPC_LONG_DEADLINE_MS, SPENT_DEADLINE_MS } from '../limits.ts';
import type { RemoteOptions } from './rpc.ts';

export const RECORDS_CALLS: RemoteOptions = {
  deadlinesMs: {
    // These look at every row there is, or may have to store very many.
    countByTemplate: RPC_LONG_DEADLINE_MS,
    fillIn: RPC_LONG_DEADLINE_MS,
    spentCoupons: SPENT_DEADLINE_MS,
  },
};
