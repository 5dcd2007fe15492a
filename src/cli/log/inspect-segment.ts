/**
 * One segment, frame by frame. Unlike recovery, which stops at the first frame that is not whole, this looks for whole
 * frames behind it: how much is lost, and whether anything is, is what somebody who inspects a log wants to know.
 */
import { checkFrame, type FrameHeader, HEADER_BYTES, HEADER_WORDS } from '../../claimlog/frame.ts';

/** Bytes that are no whole frame. */
export interface Gap {
  readonly atByte: number;
  readonly bytes: number;
  /** 'short': the file ends before the frame does. */
  readonly why: 'short' | 'damaged';
  /** Whether whole frames follow in this segment. */
  readonly framesBehind: boolean;
}

export interface SegmentReport {
  /** Offset of the first frame. */
  readonly from: number;
  /** Offset behind the last whole frame. */
  readonly to: number;
  readonly bytes: number;
  readonly frames: number;
  readonly claims: number;
  /** Highest synced offset that its frames tell. */
  readonly synced: number;
  readonly gaps: readonly Gap[];
  /** Bytes at the end that a later segment stands for: what they held was copied there when the log was sealed. */
  readonly replacedBytes: number;
}

export interface SegmentInput {
  readonly words: Uint32Array;
  /** Of the file: `words` holds only whole words of it. */
  readonly bytes: number;
  readonly logId: number;
  readonly from: number;
  /** Where the next segment begins; infinity for the last one. */
  readonly until: number;
}

export type VisitEntries = (words: Uint32Array, at: number, entries: number, offset: number) => void;

export function inspectSegment(input: SegmentInput, visit: VisitEntries): SegmentReport {
  const { words, logId, from, until } = input;
  const bytes = Math.min(input.bytes, until - from);
  const header: FrameHeader = { length: 0, count: 0, synced: 0 };
  const gaps: Gap[] = [];
  let at = 0;
  let frames = 0;
  let claims = 0;
  let synced = 0;
  let to = from;
  while (at * 4 < bytes) {
    const check = checkFrame(words, at, logId, from + at * 4, header);
    if (check !== 'whole') {
      const next = nextWhole(words, at + HEADER_WORDS, bytes, logId, from);
      const end = next ?? bytes / 4;
      gaps.push({ atByte: at * 4, bytes: end * 4 - at * 4, why: check, framesBehind: next !== null });
      at = end;
      continue;
    }
    visit(words, at + HEADER_WORDS, header.count, from + at * 4);
    frames++;
    claims += header.count;
    if (header.synced > synced) synced = header.synced;
    at += header.length / 4;
    to = from + at * 4;
  }
  return { from, to, bytes: input.bytes, frames, claims, synced, gaps, replacedBytes: input.bytes - bytes };
}

/** The word where a whole frame begins, at a multiple of the header's size as all do; null when there is none. */
function nextWhole(
  words: Uint32Array,
  at: number,
  bytes: number,
  logId: number,
  from: number,
): number | null {
  const header: FrameHeader = { length: 0, count: 0, synced: 0 };
  for (let next = at; next * 4 + HEADER_BYTES <= bytes; next += HEADER_WORDS)
    if (checkFrame(words, next, logId, from + next * 4, header) === 'whole') return next;
  return null;
}
