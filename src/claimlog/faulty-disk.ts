/**
 * Fault injection for tests and game days, only in place when FAULTS names a control file. Each line of that file is
 * `write CODE` or `sync CODE` (say ENOSPC, EIO): while it stands there, that operation fails with that code, and a
 * write fails after half of its bytes. An empty or missing file injects nothing.
 */
import fs from 'node:fs';
import type { LogDisk } from './disk.ts';

export function readFaults(file: string): readonly string[] {
  try {
    return fs.readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function fault(file: string, operation: string): Error | null {
  for (const line of readFaults(file)) {
    const [what, code] = line.trim().split(/\s+/);
    if (what === operation)
      return Object.assign(new Error(`${code}: injected fault, ${operation}`), { code });
  }
  return null;
}

export function faultyDisk(disk: LogDisk, file: string): LogDisk {
  return {
    ...disk,
    write: (fd, bytes, position) => {
      const error = fault(file, 'write');
      if (error === null) return disk.write(fd, bytes, position);
      disk.write(fd, bytes.subarray(0, bytes.length >>> 1), position);
      throw error;
    },
    sync: (fd, done) => {
      const error = fault(file, 'sync');
      if (error === null) disk.sync(fd, done);
      else setImmediate(done, error);
    },
    syncNow: (fd) => {
      const error = fault(file, 'sync');
      if (error !== null) throw error;
      disk.syncNow(fd);
    },
  };
}
