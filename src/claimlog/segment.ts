/** Where logs and their segments lie: DATA_DIR/log/<logId>/<offset of the first frame>.seg, numbers zero-padded. */
import path from 'node:path';
import type { LogDisk } from './disk.ts';

const SUFFIX = '.seg';

export function logRoot(dataDir: string): string {
  return path.join(dataDir, 'log');
}

export function logDir(root: string, logId: number): string {
  return path.join(root, String(logId).padStart(10, '0'));
}

export function segmentPath(root: string, logId: number, offset: number): string {
  return path.join(logDir(root, logId), `${String(offset).padStart(16, '0')}${SUFFIX}`);
}

/** Ids of the logs under `root`, ascending. */
export function listLogs(disk: LogDisk, root: string): number[] {
  return disk
    .list(root)
    .filter((name) => /^\d{10}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

/** First offsets of a log's segments, ascending. */
export function listSegments(disk: LogDisk, root: string, logId: number): number[] {
  return disk
    .list(logDir(root, logId))
    .filter((name) => /^\d{16}\.seg$/.test(name))
    .map((name) => Number(name.slice(0, 16)))
    .sort((a, b) => a - b);
}

/**
 * Where a log begins that has no watermark of its own: segments go from its front once their claims are stored in another
 * way (engine/cluster/log-checkpoints.ts).
 */
export function logStart(disk: LogDisk, root: string, logId: number): number {
  return listSegments(disk, root, logId)[0] ?? 0;
}
