/**
 * Blocks of logs that have ended. Their last block looks as if it might still grow, and there is one more after each start
 * of a node: without this a position would carry all of them for ever.
 *
 * A flusher grows a block for `SHARED_BLOCK_MS` only, and looks at its age while it holds the watermark of the log. So a
 * block that was seen that long ago will not grow when nobody holds the watermark.
 */
import { SHARED_BLOCK_MS } from '../../limits.ts';

/** Bytes of these blocks, read together with locks on them and their logs' watermarks; null: one of them is locked. */
export type LockedSizes = (ids: readonly number[]) => Promise<Map<number, number> | null>;

/** Clocks of two processes do not run alike. */
const MARGIN_MS = 60_000;
/** Blocks known; forgetting them means to wait once more. */
const KNOWN_MAX = 10_000;

export class LeftBlocks {
  private readonly sizes: LockedSizes;
  private readonly nowMs: () => number;
  private readonly seenMs = new Map<number, number>();

  /** `nowMs`: a monotonic clock. */
  constructor(sizes: LockedSizes, nowMs: () => number = () => performance.now()) {
    this.sizes = sizes;
    this.nowMs = nowMs;
  }

  /** Those of these blocks, by id and bytes read of them, that have no more and never will. */
  async among(blocks: readonly { readonly id: number; readonly bytes: number }[]): Promise<number[]> {
    const nowMs = this.nowMs();
    const old = blocks.filter(({ id }) => {
      const seenMs = this.seenMs.get(id);
      if (seenMs !== undefined) return nowMs - seenMs >= SHARED_BLOCK_MS + MARGIN_MS;
      if (this.seenMs.size >= KNOWN_MAX) this.seenMs.clear();
      this.seenMs.set(id, nowMs);
      return false;
    });
    if (old.length === 0) return [];
    const sizes = await this.sizes(old.map(({ id }) => id));
    if (sizes === null) return [];
    return old.filter(({ id, bytes }) => sizes.get(id) === bytes).map(({ id }) => id);
  }
}
