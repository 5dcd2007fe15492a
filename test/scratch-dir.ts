/**
 * Where tests put what they write. In memory where there is room: a killed process leaves the same behind there as on a
 * disk, and a third of the waiting is for disks. Long runs write to a disk.
 */
import fs from 'node:fs';
import os from 'node:os';

const MEMORY = '/dev/shm';
const BYTES_MIN = 6 * 2 ** 30;

export function scratchDir(): string {
  try {
    const { bavail, bsize } = fs.statfsSync(MEMORY);
    fs.accessSync(MEMORY, fs.constants.W_OK);
    if (bavail * bsize >= BYTES_MIN && os.freemem() >= BYTES_MIN) return MEMORY;
  } catch {}
  return os.tmpdir();
}
