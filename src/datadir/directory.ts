/** The data directory and small files in it that must be there whole or not at all, also after a power cut. */
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export const FILE_MODE = 0o600;
export const DIRECTORY_MODE = 0o700;

/** Its parents get the usual mode: only what is ours is closed to others. An existing directory keeps its mode. */
export function makeDataDir(dataDir: string): void {
  mkdirSync(dirname(dataDir), { recursive: true });
  try {
    mkdirSync(dataDir, { mode: DIRECTORY_MODE });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return;
  }
  syncDirectory(dirname(dataDir));
}

/** A rename or a new file is durable only when its directory is. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Readers see the old content or the new, never a part. The caller holds the lock of the directory. */
export function replaceFile(directory: string, name: string, content: string): void {
  const temporary = join(directory, `.${basename(name)}.tmp`);
  const fd = openSync(temporary, 'w', FILE_MODE);
  try {
    writeFileSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, join(directory, name));
  syncDirectory(directory);
}
