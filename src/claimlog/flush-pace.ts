/**
 * How fast claims are stored while a crowd is at the door. Storing takes the processor and the disk that the crowd's own
 * claims want, and a small transaction costs nearly as much as a large one; nobody waits for a row. So the pace goes by
 * the age of the oldest claim that is not stored, and not by what is there:
 *
 * - Few claims, or none any more: all there is, at once, in batches as large as they may be.
 * - A crowd: one slice at a time, as often as stores half of what is waiting within the longest age. What comes in is
 *   then stored at the rate it comes in, half the longest age later, and a crowd that is short is stored behind it.
 * - Older than the longest age, more waiting than may wait, or about to stop: as fast as it goes.
 *
 * Pure: time comes in as an argument.
 */
import {
  CROWD_CLAIMS_PER_SECOND,
  FLUSH_AGE_MS_MAX,
  FLUSH_BATCH_ENTRIES_MAX,
  FLUSH_SLICE_ENTRIES,
} from '../limits.ts';

/** Arrivals are counted over so long; a crowd that has ended is missed for twice that at most. */
const COUNT_MS = 250;
/** Between two batches when nothing presses: lets small ones grow, because a transaction costs two syncs. */
const GATHER_MS = 20;
/** A look is never further away than this, so that the end of a crowd is noticed. */
const LOOK_MS = 50;
/** A batch this large has left more behind, most likely. */
const FULL_ENTRIES = FLUSH_BATCH_ENTRIES_MAX / 4;
const MARKS_MAX = 64;
const MARK_MS = FLUSH_AGE_MS_MAX / 32;

export type Step =
  /** Store so many at most. */
  | { readonly kind: 'store'; readonly entriesMax: number }
  /** Look again in so many milliseconds. */
  | { readonly kind: 'rest'; readonly ms: number }
  /** Everything is stored. */
  | { readonly kind: 'idle' };

const ALL: Step = { kind: 'store', entriesMax: FLUSH_BATCH_ENTRIES_MAX };
const SLICE: Step = { kind: 'store', entriesMax: FLUSH_SLICE_ENTRIES };
const IDLE: Step = { kind: 'idle' };

export class FlushPace {
  private readonly waitingMax: number;
  private arrived = 0;
  private stored = 0;
  /** When what had arrived by then was seen; only what is not stored yet. */
  private readonly marks: { arrived: number; readonly atMs: number }[] = [];
  private countedFromMs = Number.NEGATIVE_INFINITY;
  private countedFrom = 0;
  private isCrowd = false;
  private lastStartMs = Number.NEGATIVE_INFINITY;
  private lastStored = 0;

  /** `waitingMax`: claims that may wait to be stored without haste. */
  constructor(waitingMax: number) {
    this.waitingMax = waitingMax;
  }

  /** So many claims wait to be stored. */
  see(waiting: number, nowMs: number): void {
    const arrived = this.stored + waiting;
    if (arrived > this.arrived) this.mark(arrived, nowMs);
    else if (arrived < this.arrived) {
      // A log whose flushing has stopped counts no more.
      for (const mark of this.marks) mark.arrived = Math.min(mark.arrived, arrived);
      this.countedFrom = Math.min(this.countedFrom, arrived);
    }
    this.arrived = arrived;
    while (this.marks.length > 0 && this.marks[0].arrived <= this.stored) this.marks.shift();
    if (nowMs - this.countedFromMs < COUNT_MS) {
      if (arrived - this.countedFrom >= (CROWD_CLAIMS_PER_SECOND * COUNT_MS) / 1000) this.isCrowd = true;
      return;
    }
    const seconds = (nowMs - this.countedFromMs) / 1000;
    this.isCrowd = (arrived - this.countedFrom) / seconds >= CROWD_CLAIMS_PER_SECOND;
    this.countedFromMs = nowMs;
    this.countedFrom = arrived;
  }

  private mark(arrived: number, nowMs: number): void {
    const { marks } = this;
    const last = marks.at(-1);
    // Beyond the last mark there is room for, claims count as older than they are: that only makes haste.
    if (last !== undefined && (nowMs - last.atMs < MARK_MS || marks.length === MARKS_MAX))
      last.arrived = arrived;
    else marks.push({ arrived, atMs: nowMs });
  }

  /** A batch of so many claims was stored, begun at `startMs`. */
  took(entries: number, startMs: number): void {
    this.stored += entries;
    this.lastStored = entries;
    this.lastStartMs = startMs;
  }

  /** Milliseconds since the oldest claim that is not stored was first seen here; 0 when there is none. */
  ageMs(nowMs: number): number {
    return this.marks.length === 0 ? 0 : nowMs - this.marks[0].atMs;
  }

  /** What to do now. `hurries`: somebody waits for everything to be stored. */
  next(nowMs: number, hurries: boolean): Step {
    const waiting = this.arrived - this.stored;
    if (waiting <= 0) return IDLE;
    if (hurries || waiting > this.waitingMax || this.ageMs(nowMs) >= FLUSH_AGE_MS_MAX) return ALL;
    const restMs = this.isCrowd ? this.restMs(waiting) : this.lastStored < FULL_ENTRIES ? GATHER_MS : 0;
    const leftMs = this.lastStartMs + restMs - nowMs;
    if (leftMs > 0) return { kind: 'rest', ms: Math.min(leftMs, LOOK_MS) };
    return this.isCrowd ? SLICE : ALL;
  }

  /** Between the starts of two slices in a crowd. */
  private restMs(waiting: number): number {
    return ((FLUSH_AGE_MS_MAX / 2) * FLUSH_SLICE_ENTRIES) / Math.max(waiting, FLUSH_SLICE_ENTRIES);
  }
}
