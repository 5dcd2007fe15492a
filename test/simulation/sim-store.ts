/**
 * The record store: a commit is whole and durable or did not happen, and moves the watermark only from where the batch
 * begins. What may go wrong lies between it and whoever asks: requests that are lost, late or there twice, and answers
 * that never come.
 */
import { ENTRY_WORDS, entryWords } from '../../src/claimlog/entry.ts';
import type { ClaimBatch, CommitOutcome } from '../../src/ports.ts';
import { Injected } from './faults.ts';
import type { World } from './world.ts';

export type Answer = (outcome: CommitOutcome | Error) => void;

export class SimStore {
  down = false;
  slow = false;
  readonly blocks: Uint8Array[] = [];
  /** Coupon id → where its claim's words stand. */
  readonly rows = new Map<number, { readonly words: Uint32Array; readonly at: number }>();
  protected readonly marks = new Map<number, number>();
  protected readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  watermark(logId: number): number {
    return this.marks.get(logId) ?? 0;
  }

  watermarks(): Map<number, number> {
    return new Map(this.marks);
  }

  submit(batch: ClaimBatch, answer: Answer): void {
    const { random, scheduler, faults, calm } = this.world;
    const { process } = this.world;
    const delay = (): number =>
      this.slow && !calm ? random.between(20_000, 400_000) : random.skewed(200, 6_000);
    if (this.down) {
      faults.seen('storeDown');
      scheduler.later(delay(), () => answer(new Injected('the store is down')));
      return;
    }
    const fate = calm ? 1 : random.fraction();
    if (fate < 0.03) {
      faults.seen('commitLost');
      scheduler.later(delay(), () => answer(new Injected('request lost')));
      return;
    }
    if (fate < 0.06) {
      // The caller gives up, the transaction runs all the same, whenever that is and whoever is still there.
      faults.seen('commitLate');
      scheduler.later(delay(), () => answer(new Injected('timed out')));
      scheduler.later(delay() * random.between(1, 20), () => this.commit(batch));
      return;
    }
    scheduler.later(delay(), () => {
      // A commit on its way while the process dies happens or does not.
      if (this.world.process !== process && random.chance(0.5)) return;
      const outcome = this.commit(batch);
      if (fate < 0.09) {
        faults.seen('answerLost');
        scheduler.later(delay(), () => answer(new Injected('answer lost')));
        return;
      }
      if (fate < 0.12) {
        faults.seen('commitTwice');
        scheduler.later(delay(), () => this.commit(batch));
      }
      scheduler.later(delay(), () => answer(outcome));
    });
  }

  commit(batch: ClaimBatch): CommitOutcome {
    const offset = this.watermark(batch.logId);
    if (offset !== batch.fromOffset) return { kind: 'stale', offset };
    const conflict = this.insert(batch);
    if (conflict !== null) return conflict;
    this.marks.set(batch.logId, batch.toOffset);
    return { kind: 'committed' };
  }

  protected insert({ entries }: ClaimBatch): CommitOutcome | null {
    if (entries.length === 0) return null;
    const words = entryWords(entries);
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      const couponId = words[at] * 0x1_0000_0000 + words[at + 1];
      if (this.rows.has(couponId)) {
        return { kind: 'conflict', couponId, detail: `coupon ${couponId} is stored already` };
      }
      this.rows.set(couponId, { words, at });
    }
    this.blocks.push(entries);
    return null;
  }
}
