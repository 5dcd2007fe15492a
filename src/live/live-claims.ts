/**
 * Claims over the live socket. A batch of a gateway becomes as many claims on the rings as it has users; the answers
 * are gathered in parallel arrays and sent when the last one is in. One claim of a user is a batch of one.
 */
import { nameOf, Verdict } from '../actors/verdict.ts';
import { type ClaimDesk, type ClaimWaiter, SENT } from '../claims/claim-desk.ts';
import { couponCodeText, couponIdText, couponText } from '../claims/claim-text.ts';
import { hashKey } from '../claims/idempotency.ts';
import { heldCouponIds, refusal } from '../claims/refusal.ts';
import type { PoolView } from '../claims/template-view.ts';
import { parseUserId } from '../domain/user-id.ts';
import { SLOTS } from '../limits.ts';
import type { RequestId } from './messages.ts';

/** Where a batch's answer goes; does nothing when the socket is gone. */
export type SendResult = (message: unknown) => void;

interface Batch {
  readonly id: RequestId;
  readonly send: SendResult;
  readonly single: boolean;
  /** Answers still to come, plus one while the batch is being sent. */
  missing: number;
  readonly status: string[];
  readonly couponIds: (string | null)[];
  readonly couponCodes: (string | null)[];
  /** What refused users hold of the pool, by place; a hole where there is nothing to tell. */
  readonly held: string[][];
  /** Of a single claim: what its answer says beyond the status. */
  detail: Readonly<Record<string, unknown>>;
}

const words = new Uint32Array(2);
const keyWords = new Uint32Array(2);

export class LiveClaims implements ClaimWaiter {
  private readonly desk: ClaimDesk;
  private readonly batches: (Batch | null)[] = new Array<Batch | null>(SLOTS).fill(null);
  private readonly places = new Uint16Array(SLOTS);

  constructor(desk: ClaimDesk) {
    this.desk = desk;
  }

  /** One claim of one user. */
  claim(
    id: RequestId,
    pool: PoolView,
    lo: number,
    hi: number,
    key: string | null,
    nowMs: number,
    send: SendResult,
  ): void {
    const batch = newBatch(id, send, true);
    this.one(batch, 0, pool, lo, hi, key, nowMs);
    this.finish(batch);
  }

  /** `userIds` as they came; one that is no user id is refused in its place. */
  claims(
    id: RequestId,
    pool: PoolView,
    userIds: readonly unknown[],
    keys: readonly (string | null)[] | null,
    nowMs: number,
    send: SendResult,
  ): void {
    const batch = newBatch(id, send, false);
    for (let i = 0; i < userIds.length; i++) {
      const userId = userIds[i];
      const text =
        typeof userId === 'string'
          ? userId
          : Number.isSafeInteger(userId) || typeof userId === 'bigint'
            ? String(userId)
            : '';
      if (!parseUserId(text, words)) {
        batch.status[i] = 'invalid_request';
        batch.couponIds[i] = null;
        batch.couponCodes[i] = null;
        continue;
      }
      this.one(batch, i, pool, words[0], words[1], keys === null ? null : keys[i], nowMs);
    }
    this.finish(batch);
  }

  private one(
    batch: Batch,
    place: number,
    pool: PoolView,
    lo: number,
    hi: number,
    key: string | null,
    nowMs: number,
  ): void {
    if (key === null) keyWords.fill(0);
    else hashKey(key, keyWords);
    const verdict = this.desk.claim(pool, lo, hi, keyWords[0], keyWords[1], nowMs, this);
    if (verdict !== SENT) {
      this.put(batch, place, pool, verdict, this.desk.serial);
      return;
    }
    const { slot } = this.desk;
    batch.missing++;
    this.batches[slot] = batch;
    this.places[slot] = place;
  }

  claimAnswered(slot: number, pool: PoolView, verdict: number, serial: number): void {
    const batch = this.batches[slot];
    if (batch === null) return;
    this.batches[slot] = null;
    this.put(batch, this.places[slot], pool, verdict, serial);
    this.finish(batch);
  }

  private put(batch: Batch, place: number, pool: PoolView, verdict: number, serial: number): void {
    if (verdict === Verdict.claimed || verdict === Verdict.alreadyClaimed) {
      const status = nameOf(verdict);
      if (batch.single) batch.detail = { status, ...couponText(pool.template, serial) };
      batch.status[place] = status;
      batch.couponIds[place] = couponIdText(pool.template, serial);
      batch.couponCodes[place] = couponCodeText(pool.template, serial);
      return;
    }
    if (batch.single) {
      const { code, detail, extra } = refusal(pool, verdict, serial);
      batch.detail = { ...extra, code, detail };
    } else {
      const held = heldCouponIds(pool, verdict, serial);
      if (held !== null) batch.held[place] = held;
    }
    batch.status[place] = nameOf(verdict);
    batch.couponIds[place] = null;
    batch.couponCodes[place] = null;
  }

  private finish(batch: Batch): void {
    if (--batch.missing > 0) return;
    const { id, status, couponIds, couponCodes, held } = batch;
    if (batch.single) batch.send({ op: 'result', id, ...batch.detail });
    else if (held.length === 0) batch.send({ op: 'results', id, status, couponIds, couponCodes });
    else {
      const heldCouponIds = status.map((_, place) => held[place] ?? null);
      batch.send({ op: 'results', id, status, couponIds, couponCodes, heldCouponIds });
    }
  }
}

function newBatch(id: RequestId, send: SendResult, single: boolean): Batch {
  return { id, send, single, missing: 1, status: [], couponIds: [], couponCodes: [], held: [], detail: {} };
}
