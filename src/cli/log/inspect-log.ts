/** One log: its segments one by one, and what recovery would make of the whole. Nothing is written. */
import { statSync } from 'node:fs';
import path from 'node:path';
import { fileDisk } from '../../claimlog/disk.ts';
import { LogDamaged, readSegment, scanLog } from '../../claimlog/log-scan.ts';
import { listSegments, logDir, segmentPath } from '../../claimlog/segment.ts';
import { inspectSegment, type SegmentReport, type VisitEntries } from './inspect-segment.ts';

export interface LogReport {
  readonly logId: number;
  readonly directory: string;
  readonly segments: readonly (SegmentReport & { readonly file: string })[];
  readonly claims: number;
  /** Offset behind the last frame that recovery takes. */
  readonly end: number;
  /** What lies below is known to have been synced. */
  readonly synced: number;
  /** Whether claims lie above `synced`: the next start copies and syncs them before they count. */
  readonly inDoubt: boolean;
  /** The end is torn: a frame that was being written when its writer ended, or is being written now. */
  readonly torn: boolean;
  /** What cannot have been left by a crash. */
  readonly damage: readonly string[];
  /** Other files in its directory, say of a sealing that was interrupted. */
  readonly strangers: readonly string[];
}

export function inspectLog(root: string, logId: number, visit: VisitEntries = () => {}): LogReport {
  const directory = logDir(root, logId);
  const starts = listSegments(fileDisk, root, logId);
  const segments = starts.map((from, i) => {
    const file = segmentPath(root, logId, from);
    const words = readSegment(fileDisk, file);
    const bytes = Math.max(statSync(file).size, words.byteLength);
    const until = starts[i + 1] ?? Number.POSITIVE_INFINITY;
    return { ...inspectSegment({ words, bytes, logId, from, until }, visit), file: path.basename(file) };
  });
  const damage = new Set(segmentDamage(segments));
  const first = starts[0] ?? 0;
  let scan = { end: first, synced: first, unsyncedClaims: false };
  try {
    scan = scanLog(fileDisk, root, logId, first, () => {});
  } catch (error) {
    if (!(error instanceof LogDamaged)) throw error;
    damage.add(error.message);
  }
  const hasGap = segments.some(({ gaps }) => gaps.length > 0);
  const known = new Set(segments.map(({ file }) => file));
  return {
    logId,
    directory,
    segments,
    claims: segments.reduce((sum, { claims }) => sum + claims, 0),
    end: scan.end,
    synced: scan.synced,
    inDoubt: scan.unsyncedClaims,
    torn: hasGap && damage.size === 0,
    damage: [...damage],
    strangers: fileDisk.list(directory).filter((name) => !known.has(name)),
  };
}

/** What the segments themselves show. A torn end is none: only a frame below a synced offset must be whole. */
function segmentDamage(segments: readonly (SegmentReport & { readonly file: string })[]): string[] {
  const damage: string[] = [];
  const synced = Math.max(0, ...segments.map((segment) => segment.synced));
  segments.forEach(({ file, from, to, gaps, bytes, replacedBytes }, i) => {
    for (const gap of gaps) {
      if (!gap.framesBehind && from + gap.atByte >= synced) continue;
      damage.push(
        `${file}: ${gap.bytes} bytes from byte ${gap.atByte} are no whole frame, yet ${synced} was synced`,
      );
    }
    const next = segments[i + 1];
    const covered = from + bytes - replacedBytes;
    if (next !== undefined && gaps.length === 0 && covered < next.from)
      damage.push(
        `${file} ends at offset ${to}, the next segment begins at ${next.from}: what was between is missing`,
      );
  });
  return damage;
}
