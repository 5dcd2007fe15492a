/** Ranges of serials as the scripts keep them: 8 bytes each, from and to (exclusive), little-endian. */
import type { SerialRange } from '../../ports.ts';

export function packRanges(ranges: readonly SerialRange[]): Buffer {
  const packed = Buffer.allocUnsafe(ranges.length * 8);
  ranges.forEach(({ from, to }, i) => {
    packed.writeUInt32LE(from, i * 8);
    packed.writeUInt32LE(to, i * 8 + 4);
  });
  return packed;
}

export function unpackRanges(packed: Buffer): SerialRange[] {
  const ranges: SerialRange[] = [];
  for (let at = 0; at < packed.length; at += 8)
    ranges.push({ from: packed.readUInt32LE(at), to: packed.readUInt32LE(at + 4) });
  return ranges;
}

/** Joins ranges that continue the one before them; their order stays. */
export function joined(ranges: readonly SerialRange[]): SerialRange[] {
  const result: { from: number; to: number }[] = [];
  for (const { from, to } of ranges) {
    if (from === to) continue;
    const last = result.at(-1);
    if (last?.to === from) last.to = to;
    else result.push({ from, to });
  }
  return result;
}

/** The same units in ascending order. */
export function sorted(ranges: readonly SerialRange[]): SerialRange[] {
  return joined(ranges.toSorted((a, b) => a.from - b.from));
}
