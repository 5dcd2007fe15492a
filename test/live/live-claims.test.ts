/** Claims over the live socket: what a single answer and a batch's arrays say, over real rings to an owner. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import type { PoolView } from '../../src/claims/template-view.ts';
import { couponId } from '../../src/domain/coupon-id.ts';
import { LiveClaims } from '../../src/live/live-claims.ts';
import { DeskStage, type OwnerEnd, until } from '../claims/desk-stage.ts';
import { Shelf } from '../claims/views.ts';

let stage: DeskStage;
let owner: OwnerEnd;
let live: LiveClaims;
const sent: Record<string, unknown>[] = [];

beforeEach(() => {
  stage = new DeskStage();
  owner = stage.up();
  live = new LiveClaims(stage.desk);
  sent.length = 0;
});

afterEach(() => stage.close());

function keep(message: unknown): void {
  sent.push(message as Record<string, unknown>);
}

/** The owner answers what has come in; by place in the order it came. */
async function answered(...said: readonly (readonly [verdict: number, serial: number])[]): Promise<void> {
  await until(() => owner.requests.length === said.length, 'the requests');
  said.forEach(([verdict, serial], i) => {
    owner.reply(owner.requests[i].slotWord, verdict, serial);
  });
  await until(() => sent.length === 1, 'the answer');
}

function general(shelf: Shelf): PoolView {
  return shelf.view.pools.get(0)!;
}

function id(serial: number): string {
  return String(couponId(3, serial));
}

test('a refused holder hears beside the code which coupons there are', async () => {
  const shelf = new Shelf({ perUserLimit: 3 });
  shelf.sell(5, 42);
  live.claim(7, general(shelf), 42, 0, null, 1000, keep);
  await answered([Verdict.ended, 5]);
  expect(sent).toEqual([
    { op: 'result', id: 7, code: 'ended', detail: expect.any(String), couponIds: [id(5)] },
  ]);
});

test('a refused stranger hears the code alone, also when nobody but the ingress was asked', async () => {
  const shelf = new Shelf({ claimUntilMs: 500 });
  shelf.sell(5, 42);
  live.claim(7, general(shelf), 43, 0, null, 1000, keep);
  expect(sent).toEqual([{ op: 'result', id: 7, code: 'ended', detail: expect.any(String) }]);
});

test('in a batch the arrays stay null where refused, and one more says what refused holders hold', async () => {
  const shelf = new Shelf({ perUserLimit: 2 });
  shelf.sell(5, 42);
  shelf.sell(6, 42);
  shelf.sell(9, 44);
  // Not everybody who holds one need be known here: the owner is asked.
  general(shelf).mark(true, false);
  live.claims(8, general(shelf), ['42', '43', 'nobody', '44'], null, 1000, keep);
  await answered([Verdict.limitReached, 6], [Verdict.soldOut, -1], [Verdict.claimed, 9]);
  expect(sent).toEqual([
    {
      op: 'results',
      id: 8,
      status: ['limit_reached', 'sold_out', 'invalid_request', 'claimed'],
      couponIds: [null, null, null, id(9)],
      couponCodes: [null, null, null, expect.any(String)],
      heldCouponIds: [[id(6), id(5)], null, null, null],
    },
  ]);
});

test('a batch in which no refused user holds anything has no such member', async () => {
  const shelf = new Shelf({ perUserLimit: 2 });
  shelf.sell(9, 44);
  live.claims(8, general(shelf), ['43', '44'], null, 1000, keep);
  await answered([Verdict.soldOut, -1], [Verdict.claimed, 9]);
  expect(Object.keys(sent[0])).toEqual(['op', 'id', 'status', 'couponIds', 'couponCodes']);
});
