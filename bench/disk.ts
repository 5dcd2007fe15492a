/** What the disk itself takes to make a small append durable: the floor under LOG_SYNC=always. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { NO_FIGURES, type Row } from './report.ts';
import { percentile } from './stats.ts';

/** About one group commit: 64 claims. */
const APPEND_BYTES = 4096;

export function measureFdatasync(directory: string, appends: number): Row {
  const file = path.join(directory, 'fdatasync-probe');
  const fd = openSync(file, 'w');
  const bytes = Buffer.alloc(APPEND_BYTES, 1);
  const takenMs: number[] = [];
  try {
    for (let i = 0; i < appends; i++) {
      writeSync(fd, bytes);
      const from = performance.now();
      fdatasyncSync(fd);
      takenMs.push(performance.now() - from);
    }
  } finally {
    closeSync(fd);
    rmSync(file);
  }
  return {
    ...NO_FIGURES,
    name: 'disk-fdatasync',
    p50Ms: percentile(takenMs, 0.5),
    p99Ms: percentile(takenMs, 0.99),
    more: { appendBytes: APPEND_BYTES, appends },
  };
}
