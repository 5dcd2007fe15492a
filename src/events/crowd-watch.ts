/** Whether a crowd is at the door: so many claims are won a second, counted from one look to the next. */
import { CROWD_CLAIMS_PER_SECOND } from '../limits.ts';

/** Looks that follow each other sooner than this are one. */
const LOOK_MS_MIN = 100;

export class CrowdWatch {
  private readonly won: () => number;
  private readonly nowMs: () => number;
  private seen: number;
  private seenMs: number;
  private isCrowd = false;

  /** `won`: claims won so far. `nowMs`: a monotonic clock. */
  constructor(won: () => number, nowMs: () => number) {
    this.won = won;
    this.nowMs = nowMs;
    this.seen = won();
    this.seenMs = nowMs();
  }

  isCrowded(): boolean {
    const nowMs = this.nowMs();
    const passedMs = nowMs - this.seenMs;
    if (passedMs < LOOK_MS_MIN) return this.isCrowd;
    const won = this.won();
    this.isCrowd = ((won - this.seen) * 1000) / passedMs >= CROWD_CLAIMS_PER_SECOND;
    this.seen = won;
    this.seenMs = nowMs;
    return this.isCrowd;
  }
}
