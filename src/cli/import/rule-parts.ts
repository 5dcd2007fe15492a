/**
 * A file of rules in parts that one request carries: each begins with the file's first row, which names the columns.
 * The bytes stay as they are; what is in them is for the server to read.
 */
import { createReadStream } from 'node:fs';
import { IMPORT_BYTES_MAX } from '../../limits.ts';
import { CommandFailed, messageOf } from '../failure.ts';

export interface RulePart {
  readonly bytes: Uint8Array;
  /** Line of the file in which the row after the first one of the part stands; the first line is 1. */
  readonly firstLine: number;
  /** Of the file, up to the end of this part. */
  readonly bytesTo: number;
}

/** With the first row and one more line, which is no longer than this either, a part is no larger than a body. */
const ROWS_BYTES_MAX = IMPORT_BYTES_MAX / 4;
const LF = 0x0a;

/** At least one part, if only with the first row. Throws CommandFailed when the file can't be read or is empty. */
export async function* ruleParts(file: string, linesMax: number): AsyncGenerator<RulePart> {
  const cutter = new Cutter(file, linesMax);
  for await (const chunk of chunksOf(file)) yield* cutter.cut(chunk);
  yield* cutter.end();
}

class Cutter {
  readonly #file: string;
  readonly #linesMax: number;
  #header: Buffer | null = null;
  /** What has been read and is in no part yet: whole lines up to `#end`, then the beginning of one. */
  #rest: Buffer = Buffer.alloc(0);
  #end = 0;
  #lines = 0;
  /** Before `#rest`. */
  #linesBefore = 0;
  #bytesBefore = 0;
  #parts = 0;

  constructor(file: string, linesMax: number) {
    this.#file = file;
    this.#linesMax = linesMax;
  }

  *cut(chunk: Buffer): Generator<RulePart> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (let lf = this.#rest.indexOf(LF, this.#end); lf >= 0; lf = this.#rest.indexOf(LF, this.#end)) {
      this.#end = lf + 1;
      this.#lines++;
      if (this.#header === null) this.#takeHeader();
      else if (this.#lines === this.#linesMax || this.#end >= ROWS_BYTES_MAX) yield this.#take(this.#header);
    }
    if (this.#rest.length - this.#end <= ROWS_BYTES_MAX) return;
    const line = this.#linesBefore + this.#lines + 1;
    throw new CommandFailed(
      `${this.#file}: line ${line} has more than ${ROWS_BYTES_MAX} bytes; is it a CSV file?`,
    );
  }

  *end(): Generator<RulePart> {
    if (this.#end < this.#rest.length) {
      this.#end = this.#rest.length;
      this.#lines++;
      if (this.#header === null) this.#takeHeader();
    }
    if (this.#header === null)
      throw new CommandFailed(`${this.#file} is empty; its first row must name the columns`);
    if (this.#lines > 0 || this.#parts === 0) yield this.#take(this.#header);
  }

  /** The first line that is not empty. */
  #takeHeader(): void {
    const row = this.#rest.subarray(0, this.#end);
    if (row.toString('latin1').trim() !== '') this.#header = Buffer.from(row);
    this.#drop();
  }

  #take(header: Buffer): RulePart {
    const part = {
      bytes: Buffer.concat([header, this.#rest.subarray(0, this.#end)]),
      firstLine: this.#linesBefore + 1,
      bytesTo: this.#bytesBefore + this.#end,
    };
    this.#drop();
    this.#parts++;
    return part;
  }

  #drop(): void {
    this.#linesBefore += this.#lines;
    this.#bytesBefore += this.#end;
    this.#rest = this.#rest.subarray(this.#end);
    this.#end = 0;
    this.#lines = 0;
  }
}

async function* chunksOf(file: string): AsyncGenerator<Buffer> {
  try {
    yield* createReadStream(file, { highWaterMark: 256 * 1024 });
  } catch (error) {
    throw new CommandFailed(`cannot read ${file}: ${messageOf(error)}`);
  }
}
