/**
 * Ids that are missing among those that were read. MySQL gives ids out before the transaction commits, so a missing one
 * may still come, and who has stepped over it would never see it.
 *
 * A missing id is dead when both hold:
 *
 * - It was given out at least `EVENT_GAP_MS` ago: a higher one was visible then.
 * - A locking read of its place finds nothing there and nobody's lock. A row that is inserted and not committed is locked
 *   by its transaction for as long as that lasts, however long: a node may stand still in the middle of one, which is why
 *   no age alone proves anything.
 *
 * The age is there for the moment between the giving of an id and the insertion, in which no row can be found: that is
 * within one statement, on the server. Statements of many rows are given all their ids at once and insert them in order,
 * so the first of them is found. All nodes must write to one primary (docs/events.md).
 */
import { EVENT_GAP_MS } from '../../limits.ts';

export type IdTable = 'coupon_events' | 'claim_blocks' | 'catalog_events';

/** Ids in (after, upTo] by a read that looks at locks; null: one of them is locked. */
export type Probe = (table: IdTable, after: number, upTo: number) => Promise<Set<number> | null>;

interface Sample {
  readonly atMs: number;
  readonly highest: number;
}

const SAMPLE_MS = 100;
/** Gaps looked at one by one in one read. */
const PROBES_MAX = 20;

export class IdGaps {
  private readonly table: IdTable;
  private readonly probe: Probe;
  private readonly nowMs: () => number;
  private readonly gapMs: number;
  private samples: Sample[] = [];

  /** `nowMs`: a monotonic clock. */
  constructor(
    table: IdTable,
    probe: Probe,
    nowMs: () => number = () => performance.now(),
    gapMs = EVENT_GAP_MS,
  ) {
    this.table = table;
    this.probe = probe;
    this.nowMs = nowMs;
    this.gapMs = gapMs;
  }

  /** How many of these ids, which rise and are all that are visible after `after`, have nothing to come between them. */
  async settled(after: number, ids: readonly number[]): Promise<number> {
    const first = gapAt(after, ids, 0);
    if (first === ids.length) return first;
    this.seen(ids.at(-1)!);
    const aged = this.aged();
    if (ids[first]! - 1 > aged) return first;
    // Mostly all of them are dead, and one look is enough.
    const upTo = Math.min(aged, ids.at(-1)!);
    if (await this.nothingNew(first === 0 ? after : ids[first - 1]!, upTo, ids)) {
      const beyond = ids.findIndex((id) => id > upTo);
      return beyond < 0 ? ids.length : gapAt(beyond === 0 ? after : ids[beyond - 1]!, ids, beyond);
    }
    let at = first;
    for (let probes = 0; at < ids.length && probes < PROBES_MAX; probes++) {
      const before = at === 0 ? after : ids[at - 1]!;
      if (ids[at]! - 1 > aged || !(await this.nothingNew(before, ids[at]! - 1, ids))) return at;
      at = gapAt(ids[at]!, ids, at + 1);
    }
    return at;
  }

  private async nothingNew(after: number, upTo: number, ids: readonly number[]): Promise<boolean> {
    if (upTo <= after) return true;
    const there = await this.probe(this.table, after, upTo);
    if (there === null) return false;
    for (const id of ids) there.delete(id);
    return there.size === 0;
  }

  private seen(highest: number): void {
    const nowMs = this.nowMs();
    const last = this.samples.at(-1);
    if (last !== undefined && (last.highest >= highest || nowMs - last.atMs < SAMPLE_MS)) return;
    this.samples.push({ atMs: nowMs, highest });
  }

  /** Ids up to this one were given out so long ago. */
  private aged(): number {
    const untilMs = this.nowMs() - this.gapMs;
    const old = this.samples.findLastIndex(({ atMs }) => atMs <= untilMs);
    if (old > 0) this.samples.splice(0, old);
    return old < 0 ? 0 : this.samples[0]!.highest;
  }
}

/** The place, from `at` on, of the first id that does not follow the one before it. */
function gapAt(before: number, ids: readonly number[], at: number): number {
  let last = before;
  while (at < ids.length && ids[at] === last + 1) last = ids[at++]!;
  return at;
}
