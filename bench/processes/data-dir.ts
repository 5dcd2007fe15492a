/** Data directories of the bench: temporary, on a real disk, gone afterwards. */
import { cpSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const TMPFS_MAGIC = 0x01021994;
/** The embedded database with its journal files. */
export const RECORDS_FILE = 'records.db';

export class DataDir {
  readonly path: string;
  readonly #remove: () => void;

  constructor() {
    const parent = os.tmpdir();
    if (statfsSync(parent).type === TMPFS_MAGIC) {
      throw new Error(`${parent} is memory, not a disk: set TMPDIR to a directory on a disk`);
    }
    this.path = mkdtempSync(path.join(parent, 'doorbuster-bench-'));
    this.#remove = () => rmSync(this.path, { recursive: true, force: true });
    process.once('exit', this.#remove);
  }

  remove(): void {
    process.off('exit', this.#remove);
    this.#remove();
  }

  /** Copies the database files of a stopped server. */
  copyRecords(to: string): void {
    for (const file of this.#recordsFiles()) cpSync(path.join(this.path, file), path.join(to, file));
  }

  /** Puts the database back as it was: the logs then hold what it lacks. */
  restoreRecords(from: string): void {
    for (const file of this.#recordsFiles()) rmSync(path.join(this.path, file));
    for (const file of readdirSync(from)) cpSync(path.join(from, file), path.join(this.path, file));
  }

  #recordsFiles(): string[] {
    return readdirSync(this.path).filter((file) => file.startsWith(RECORDS_FILE));
  }
}
