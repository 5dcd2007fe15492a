import { describe, expect, test } from 'vitest';
import {
  BATCH_USERS_MAX,
  type Batch,
  batchesOf,
  claimReceipts,
  paced,
} from '../../src/cli/replay/claim-receipts.ts';
import type { BatchAnswer, BatchClaimer } from '../../src/cli/replay/live-batches.ts';
import { Tally } from '../../src/cli/replay/tally.ts';

async function* of<T>(...values: T[]): AsyncGenerator<T> {
  yield* values;
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const value of values) list.push(value);
  return list;
}

function receipts(...couponIds: string[]) {
  return couponIds.map((couponId, i) => ({ row: i + 2, userId: String(i + 1), couponId, discount: '' }));
}

/** Answers each user by a function of it; counts what was in flight at once. */
function claimer(
  answer: (userId: string, nth: number) => [string, string | null],
): BatchClaimer & { most: number } {
  const asked = new Map<string, number>();
  let inFlight = 0;
  return {
    most: 0,
    async claims(_templateId, userIds): Promise<BatchAnswer> {
      this.most = Math.max(this.most, ++inFlight);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight--;
      const answers = userIds.map((userId) => {
        const nth = (asked.get(userId) ?? 0) + 1;
        asked.set(userId, nth);
        return answer(userId, nth);
      });
      const couponIds = answers.map(([, coupon]) => coupon);
      return { status: answers.map(([status]) => status), couponIds, couponCodes: couponIds };
    },
  };
}

const options = { concurrency: 4, pause: async () => {} };
const claimed = (userId: string): [string, string] => ['claimed', `c${userId}`];

describe('batches', () => {
  test('hold neighbours of one coupon, in file order, up to a bound', async () => {
    const many = Array.from({ length: BATCH_USERS_MAX + 1 }, () => 'c');
    const batches = await all(
      batchesOf(of(receipts('a', 'a', 'b', 'skip', 'b', 'a', ...many)), ({ couponId }) =>
        couponId === 'skip' ? null : couponId,
      ),
    );
    expect(batches.map(({ templateId, userIds }) => `${templateId}${userIds.length}`)).toEqual([
      'a2',
      'b2',
      'a1',
      `c${BATCH_USERS_MAX}`,
      'c1',
    ]);
    expect(batches.flatMap(({ userIds }) => userIds)).toHaveLength(5 + many.length);
  });

  test('are let through at the rate asked for, and catch up after a slow moment', async () => {
    let nowMs = 0;
    const sentAtMs: number[] = [];
    const batch: Batch = { templateId: '1', userIds: ['1', '2'] };
    const source = paced(
      of(batch, batch, batch, batch),
      10,
      () => nowMs,
      async (ms) => {
        nowMs += ms;
      },
    );
    for await (const _ of source) {
      sentAtMs.push(nowMs);
      if (sentAtMs.length === 2) nowMs += 350;
    }
    expect(sentAtMs).toEqual([0, 200, 550, 600]);
  });
});

describe('claiming receipts', () => {
  test('keeps so many batches in flight and no more', async () => {
    const server = claimer(claimed);
    const tally = new Tally();
    const batches = Array.from({ length: 40 }, (_, i) => ({ templateId: '1', userIds: [String(i + 1)] }));
    await claimReceipts(of(...batches), server, tally, options);
    expect(server.most).toBe(4);
    expect([tally.claimed, tally.answered, tally.faultCount]).toEqual([40, 40, 0]);
  });

  test('tries again what is temporarily refused, with growing pauses, and only that', async () => {
    const pauses: number[] = [];
    const sent: string[][] = [];
    const server = claimer((userId, nth) =>
      userId === '2' && nth < 4 ? [nth % 2 ? 'unavailable' : 'overloaded', null] : claimed(userId),
    );
    const spy: BatchClaimer = {
      claims: (templateId, userIds) => {
        sent.push([...userIds]);
        return server.claims(templateId, userIds);
      },
    };
    const tally = new Tally();
    await claimReceipts(of({ templateId: '1', userIds: ['1', '2', '3'] }), spy, tally, {
      concurrency: 1,
      pause: async (ms) => void pauses.push(ms),
    });
    expect(sent).toEqual([['1', '2', '3'], ['2'], ['2'], ['2']]);
    expect(tally.claimed).toBe(3);
    expect(pauses).toHaveLength(3);
    for (const [i, ms] of pauses.entries()) {
      expect(ms).toBeGreaterThanOrEqual(20 * 2 ** i);
      expect(ms).toBeLessThanOrEqual(40 * 2 ** i);
    }
  });

  test('gives up on what stays refused, and says so', async () => {
    const tally = new Tally();
    await claimReceipts(
      of({ templateId: '9', userIds: ['1'] }),
      claimer(() => ['unavailable', null]),
      tally,
      options,
    );
    expect(tally.refused).toEqual(new Map([['unavailable', 1]]));
    expect(tally.faults).toEqual(['user 1, template 9: unavailable']);
  });

  test('ends for all when the connection does', async () => {
    let asked = 0;
    const lost: BatchClaimer = {
      claims: async () => {
        asked++;
        throw new Error('connection lost');
      },
    };
    const batches = Array.from({ length: 1000 }, () => ({ templateId: '1', userIds: ['1'] }));
    await expect(claimReceipts(of(...batches), lost, new Tally(), options)).rejects.toThrow(
      'connection lost',
    );
    expect(asked).toBeLessThan(10);
  });
});

describe('the tally', () => {
  const put = (...answers: [string, string, string | null][]): Tally => {
    const tally = new Tally();
    for (const [userId, status, coupon] of answers) tally.put('7', userId, status, coupon);
    return tally;
  };

  test('takes repeats that get the coupon of the first time, in any order of answers', () => {
    const tally = put(
      ['1', 'claimed', 'a A'],
      ['1', 'already_claimed', 'a A'],
      ['2', 'already_claimed', 'b B'],
      ['2', 'claimed', 'b B'],
    );
    expect([tally.claimed, tally.alreadyClaimed, tally.faultCount]).toEqual([2, 2, 0]);
  });

  test('sees another coupon, another code, a coupon claimed twice, and one that is missing', () => {
    expect(put(['1', 'claimed', 'a A'], ['1', 'already_claimed', 'b B']).faultCount).toBe(1);
    expect(put(['1', 'claimed', 'a A'], ['1', 'already_claimed', 'a B']).faultCount).toBe(1);
    expect(put(['1', 'claimed', 'a A'], ['1', 'claimed', 'a A']).faultCount).toBe(1);
    expect(put(['1', 'claimed', 'a A'], ['2', 'claimed', 'a A']).faultCount).toBe(1);
    expect(put(['1', 'claimed', null]).faultCount).toBe(1);
  });

  test('takes a sale’s refusals and no others', () => {
    const tally = put(['1', 'sold_out', null], ['2', 'sold_out', null], ['3', 'ended', null]);
    expect([tally.faultCount, tally.answered]).toEqual([0, 3]);
    expect(tally.refused).toEqual(
      new Map([
        ['sold_out', 2],
        ['ended', 1],
      ]),
    );
    for (const code of ['not_found', 'internal', 'invalid_request', 'rate_limited', 'forbidden'])
      expect(put(['1', code, null]).faultCount).toBe(1);
  });
});
