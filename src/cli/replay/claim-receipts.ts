/**
 * Second pass: claims the receipts in file order, so many batches at once. Neighbours of one coupon share a batch, as
 * they would at a gateway; batches stay small, because a crowd does not come in neat piles.
 */
import type { BatchClaimer } from './live-batches.ts';
import type { Receipt } from './receipts.ts';
import type { Tally } from './tally.ts';

export const BATCH_USERS_MAX = 16;
/** The server asks for these to be tried again. */
const TEMPORARY = new Set(['unavailable', 'overloaded']);
const ATTEMPTS_MAX = 10;
const BACK_OFF_MS_MIN = 20;
const BACK_OFF_MS_MAX = 2_000;

export interface Batch {
  readonly templateId: string;
  readonly userIds: readonly string[];
}

/** `templateOf` answers null for receipts to leave out. */
export async function* batchesOf(
  runs: AsyncIterable<readonly Receipt[]>,
  templateOf: (receipt: Receipt) => string | null,
): AsyncGenerator<Batch> {
  for await (const run of runs) {
    let templateId = '';
    let userIds: string[] = [];
    for (const receipt of run) {
      const own = templateOf(receipt);
      if (own === null) continue;
      if (userIds.length > 0 && (own !== templateId || userIds.length === BATCH_USERS_MAX)) {
        yield { templateId, userIds };
        userIds = [];
      }
      templateId = own;
      userIds.push(receipt.userId);
    }
    if (userIds.length > 0) yield { templateId, userIds };
  }
}

/** Lets at most `perSecond` receipts through a second, by the clock: a slow moment is caught up with. */
export async function* paced(
  batches: AsyncIterable<Batch>,
  perSecond: number,
  now: () => number,
  pause: (ms: number) => Promise<unknown>,
): AsyncGenerator<Batch> {
  const startMs = now();
  let sent = 0;
  for await (const batch of batches) {
    const earlyMs = startMs + (sent * 1000) / perSecond - now();
    if (earlyMs > 0) await pause(earlyMs);
    sent += batch.userIds.length;
    yield batch;
  }
}

export interface ClaimOptions {
  readonly concurrency: number;
  readonly pause: (ms: number) => Promise<unknown>;
  readonly onAnswered?: () => void;
}

/** Resolves when every receipt has its final answer; rejects when the claimer does. */
export async function claimReceipts(
  batches: AsyncGenerator<Batch>,
  claimer: BatchClaimer,
  tally: Tally,
  options: ClaimOptions,
): Promise<void> {
  // All take from one generator, which hands out one batch at a time. The first failure ends it for everybody.
  const work = async (): Promise<void> => {
    for await (const batch of batches) {
      await claimBatch(batch, claimer, tally, options.pause);
      options.onAnswered?.();
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, work));
}

async function claimBatch(
  { templateId, userIds }: Batch,
  claimer: BatchClaimer,
  tally: Tally,
  pause: (ms: number) => Promise<unknown>,
): Promise<void> {
  let left = userIds;
  for (let attempt = 1; ; attempt++) {
    const { status, couponIds, couponCodes } = await claimer.claims(templateId, left);
    const again: string[] = [];
    left.forEach((userId, i) => {
      if (TEMPORARY.has(status[i]!) && attempt < ATTEMPTS_MAX) again.push(userId);
      else
        tally.put(
          templateId,
          userId,
          status[i]!,
          couponIds[i] == null ? null : `${couponIds[i]} ${couponCodes[i]}`,
        );
    });
    if (again.length === 0) return;
    left = again;
    // Spread, so that those refused together do not come back together.
    const wholeMs = Math.min(BACK_OFF_MS_MAX, BACK_OFF_MS_MIN * 2 ** attempt);
    await pause(wholeMs * (0.5 + Math.random() / 2));
  }
}
