/**
 * Which claim each unit of a template has: a table by serial in small pieces, so that a few claims in a huge stock cost
 * little and a sold-out stock needs four bytes a unit. Reading it in order gives the claims sorted, without sorting.
 */
import type { ActivityFact, TemplateFact } from './facts.ts';

const PIECE_BITS = 10;
const PIECE = 1 << PIECE_BITS;

export class UnitIndex {
  readonly template: TemplateFact;
  readonly activities = new Map<number, ActivityFact>();
  /** Claimed units of each activity; under 0 those of the general pool. */
  readonly claimedByActivity = new Map<number, number>();
  claimed = 0;
  /** Claim number + 1; 0: not claimed. */
  private readonly pieces: (Uint32Array | undefined)[];

  constructor(template: TemplateFact) {
    this.template = template;
    this.pieces = new Array(Math.ceil(template.total / PIECE)).fill(undefined);
  }

  /** The number of the unit's claim, or -1. */
  claimOf(serial: number): number {
    const piece = this.pieces[serial >>> PIECE_BITS];
    return piece === undefined ? -1 : piece[serial & (PIECE - 1)] - 1;
  }

  /** `serial` is below the template's total and has no claim yet. */
  put(serial: number, claim: number, activityId: number): void {
    let piece = this.pieces[serial >>> PIECE_BITS];
    if (piece === undefined) {
      piece = new Uint32Array(PIECE);
      this.pieces[serial >>> PIECE_BITS] = piece;
    }
    piece[serial & (PIECE - 1)] = claim + 1;
    this.claimed++;
    this.claimedByActivity.set(activityId, (this.claimedByActivity.get(activityId) ?? 0) + 1);
  }

  /** Visits the claimed units in [from, to) in order. */
  forEach(from: number, to: number, visit: (serial: number, claim: number) => void): void {
    const end = Math.min(to, this.template.total);
    for (let serial = from; serial < end; ) {
      const pieceEnd = Math.min(end, ((serial >>> PIECE_BITS) + 1) * PIECE);
      const piece = this.pieces[serial >>> PIECE_BITS];
      if (piece !== undefined) {
        for (let s = serial; s < pieceEnd; s++) {
          const claim = piece[s & (PIECE - 1)];
          if (claim !== 0) visit(s, claim - 1);
        }
      }
      serial = pieceEnd;
    }
  }

  /** Visits the runs of units in [from, to) that nobody claimed. */
  forEachUnclaimed(from: number, to: number, visit: (from: number, to: number) => void): void {
    let start = from;
    this.forEach(from, to, (serial) => {
      if (serial > start) visit(start, serial);
      start = serial + 1;
    });
    if (start < to) visit(start, to);
  }
}
