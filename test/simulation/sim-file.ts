/** One file of the simulated disk: its bytes as read, and which of them a power cut leaves. */
import type { FaultCounts } from './faults.ts';
import type { Random } from './random.ts';

export class SimFile {
  bytes = new Uint8Array(512);
  size = 0;
  /** Durable runs: from, to, from, to … */
  private good: number[] = [];
  /** Bytes from here on are neither durable nor given up. */
  private dirtyFrom = 0;

  append(bytes: Uint8Array): void {
    if (this.size + bytes.length > this.bytes.length) {
      const larger = new Uint8Array((this.size + bytes.length) * 2);
      larger.set(this.bytes.subarray(0, this.size));
      this.bytes = larger;
    }
    this.bytes.set(bytes, this.size);
    this.size += bytes.length;
  }

  /** A sync of the bytes below `end` is over: they are clean now, and durable if it did not fail. */
  clean(end: number, isDurable: boolean): void {
    if (end <= this.dirtyFrom) return;
    if (isDurable) this.good.push(this.dirtyFrom, end);
    this.dirtyFrom = end;
  }

  /** Zeroes what is lost; `kept` of the dirty bytes were written by chance. Returns whether anything was lost. */
  cut(kept: number): boolean {
    const { size } = this;
    this.good.push(this.dirtyFrom, this.dirtyFrom + kept);
    let end = 0;
    let lost = false;
    for (let i = 0; i < this.good.length; i += 2) {
      const from = this.good[i];
      const to = this.good[i + 1];
      if (from === to) continue;
      if (from > end) {
        this.bytes.fill(0, end, from);
        lost = true;
      }
      end = to;
    }
    this.bytes.fill(0, end);
    this.size = end;
    this.settle();
    return lost || end < size;
  }

  /** The dirty bytes, if any, and where they begin. */
  get dirty(): number {
    return this.size - this.dirtyFrom;
  }

  settle(): void {
    this.good = [0, this.size];
    this.dirtyFrom = this.size;
  }

  /** Same size, but the bytes from `from` on are not what was written. */
  tear(from: number): void {
    for (let i = from; i < this.size; i += 7) this.bytes[i] ^= 0x5a;
  }
}

export function newFile(): SimFile {
  return new SimFile();
}

export function cutFile(file: SimFile, random: Random, faults: FaultCounts): void {
  const { dirty, size } = file;
  const kept = dirty === 0 || random.chance(0.4) ? 0 : random.int(dirty + 1);
  if (file.cut(kept)) faults.seen('unsyncedBytesLost');
  if (kept === 0) return;
  if (kept < dirty) faults.seen('tornTail');
  // Sectors arrive in any order: the last bytes kept may be wrong, or all of them zero up to the old size.
  if (random.chance(0.3)) file.tear(size - dirty + random.int(kept));
  if (random.chance(0.2)) {
    file.append(new Uint8Array(dirty - kept));
    file.settle();
  }
}
