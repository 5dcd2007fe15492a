/** The control file of injected faults: what stands in it is what fails. */
import fs from 'node:fs';
import path from 'node:path';
import { newDataDir } from './server.ts';

export class Faults {
  readonly dataDir = newDataDir();
  readonly file = path.join(this.dataDir, 'faults');

  /** Replaces what stood there; nothing fails after `set()`. Replaced at once, so that no half of it is ever read. */
  set(...lines: string[]): void {
    fs.writeFileSync(`${this.file}.new`, lines.join('\n'));
    fs.renameSync(`${this.file}.new`, this.file);
  }
}
