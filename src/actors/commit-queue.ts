/** What one owner wants committed in one shard: candidates that wait, and the one batch that is on its way. */
import { ENTRY_WORDS } from '../claimlog/entry.ts';
import { COMMIT_CLAIMS_MAX } from '../limits.ts';
import type { CommitGroup } from '../ports-commit.ts';
import type { PoolState } from './template-actor.ts';

/** A claim that only the ledger can decide. */
export interface Candidate {
  readonly pool: PoolState;
  readonly slotWord: number;
  readonly lo: number;
  readonly hi: number;
  readonly keyLo: number;
  readonly keyHi: number;
  /** Until when it may wait for units. */
  readonly deadlineMs: number;
  /** See spent.ts. */
  readonly spent: number;
}

export interface FlightGroup {
  readonly pool: PoolState;
  readonly candidates: readonly Candidate[];
  /** Serials offered, in order: taken from the slice, put back when not sold. */
  readonly serials: readonly number[];
}

/** A batch on its way. */
export interface Flight {
  readonly sequence: number;
  readonly timeMs: number;
  readonly groups: readonly FlightGroup[];
  /** Its clients were told `unavailable`; what became of it still matters. */
  givenUp: boolean;
}

export class CommitQueue {
  readonly shard: number;
  /** The shard may be committed to. */
  open = false;
  /** The stream has been followed up to here: those claims are in memory, durable in the local log. */
  followed = 0;
  flight: Flight | null = null;
  private sequence = 0;
  private candidates: Candidate[] = [];

  constructor(shard: number) {
    this.shard = shard;
  }

  get isEmpty(): boolean {
    return this.candidates.length === 0;
  }

  add(candidate: Candidate): void {
    this.candidates.push(candidate);
  }

  /** Everything that waits; none of it does any more. */
  takeAll(): Candidate[] {
    const all = this.candidates;
    this.candidates = [];
    return all;
  }

  /** Makes the next batch: its claims by pool, each pool with as many units as it has claims, if the slice has them. */
  depart(timeMs: number): Flight {
    const chosen = this.candidates.slice(0, COMMIT_CLAIMS_MAX);
    this.candidates = this.candidates.slice(COMMIT_CLAIMS_MAX);
    const byPool = new Map<PoolState, Candidate[]>();
    for (const candidate of chosen) {
      const list = byPool.get(candidate.pool);
      if (list === undefined) byPool.set(candidate.pool, [candidate]);
      else list.push(candidate);
    }
    const groups: FlightGroup[] = [];
    for (const [pool, candidates] of byPool) {
      const serials: number[] = [];
      while (serials.length < candidates.length) {
        const serial = pool.slice.take();
        if (serial < 0) break;
        serials.push(serial);
      }
      if (serials.length > 0) pool.lastTakenMs = timeMs;
      groups.push({ pool, candidates, serials });
    }
    this.flight = { sequence: ++this.sequence, timeMs, groups, givenUp: false };
    return this.flight;
  }
}

/** A flight as the ledger is asked; see ports-commit.ts. */
export function commitGroups({ groups, timeMs }: Flight): CommitGroup[] {
  const timeHi = Math.floor(timeMs / 0x1_0000_0000);
  return groups.map(({ pool, candidates, serials }) => {
    const { rules, units } = pool.actor;
    const claims = new Uint32Array(candidates.length * 4);
    for (let i = 0; i < candidates.length; i++) {
      const { lo, hi, keyLo, keyHi } = candidates[i];
      claims[i * 4] = lo;
      claims[i * 4 + 1] = hi;
      claims[i * 4 + 2] = keyLo;
      claims[i * 4 + 3] = keyHi;
    }
    const spent = candidates.some((one) => one.spent !== 0)
      ? Uint32Array.from(candidates, (one) => one.spent)
      : null;
    const offered = new Uint32Array(serials.length * 3);
    for (let i = 0; i < serials.length; i++) {
      offered[i * 3] = serials[i];
      offered[i * 3 + 1] = units.codeLo(serials[i]);
      offered[i * 3 + 2] = (units.codeHi(serials[i]) | (timeHi << 16)) >>> 0;
    }
    return {
      templateId: rules.templateId,
      activityId: pool.rules.activityId,
      poolLimit: pool.rules.perUserLimit,
      templateLimit: rules.perUserLimit,
      claims,
      spent,
      units: offered,
    };
  });
}

/** Entries that carry one time, from word `at` on: how many of the `end` words. */
export function sameTime(words: Uint32Array, at: number, end: number): number {
  const lo = words[at + 7];
  const hi = words[at + 6] >>> 16;
  let next = at + ENTRY_WORDS;
  while (next < end && words[next + 7] === lo && words[next + 6] >>> 16 === hi) next += ENTRY_WORDS;
  return next;
}
