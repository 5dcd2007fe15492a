/**
 * A few numbers that one thread writes and others read: whole, as one publishing left them, and never an older one
 * after a newer one. A double takes two words, so two threads that merely share one may meet half of it.
 *
 * There are two places and a count of publishings; its lowest bit says which place is the one to read. The writer fills
 * the other one and then raises the count, so what is being read is overwritten only by the second publishing after,
 * and the reader sees by the count that this may have happened. A writer that is ended in the middle leaves the last
 * numbers as they were, and nobody waits for it. All words go through Atomics: plain ones may be moved past the count.
 */
const COUNT = 0;
const HEADER_WORDS = 1;

/** What `n` numbers take. */
export function numbersBytes(n: number): number {
  return (HEADER_WORDS + 4 * n) * Int32Array.BYTES_PER_ELEMENT;
}

/** The only writer of its place. What it sets is private until it publishes. */
export class NumbersWriter {
  readonly values: Float64Array;
  private readonly own: Int32Array;
  private readonly shared: Int32Array;

  /** Goes on from what is there; `index`: which of several places of `n` numbers in the buffer. */
  constructor(buffer: SharedArrayBuffer, n: number, index = 0) {
    this.values = new NumbersReader(buffer, n, index).read();
    this.own = new Int32Array(this.values.buffer);
    this.shared = wordsOf(buffer, n, index);
  }

  publish(): void {
    const { own, shared } = this;
    const count = Atomics.load(shared, COUNT) + 1;
    const at = HEADER_WORDS + (count & 1) * own.length;
    for (let i = 0; i < own.length; i++) Atomics.store(shared, at + i, own[i]);
    Atomics.store(shared, COUNT, count);
  }
}

export class NumbersReader {
  /** What the last `read` found. */
  readonly values: Float64Array;
  private readonly own: Int32Array;
  private readonly shared: Int32Array;

  /** `index`: which of several places of `n` numbers in the buffer. */
  constructor(buffer: SharedArrayBuffer, n: number, index = 0) {
    this.values = new Float64Array(n);
    this.own = new Int32Array(this.values.buffer);
    this.shared = wordsOf(buffer, n, index);
  }

  /** The numbers as last published; the same array each time. */
  read(): Float64Array {
    const { own, shared } = this;
    for (;;) {
      const count = Atomics.load(shared, COUNT);
      const at = HEADER_WORDS + (count & 1) * own.length;
      for (let i = 0; i < own.length; i++) own[i] = Atomics.load(shared, at + i);
      if (Atomics.load(shared, COUNT) === count) return this.values;
    }
  }
}

/** A place of `n` numbers of its own, for one thread to write. */
export function sharedNumbers(n: number): SharedArrayBuffer {
  return new SharedArrayBuffer(numbersBytes(n));
}

function wordsOf(buffer: SharedArrayBuffer, n: number, index: number): Int32Array {
  return new Int32Array(buffer, index * numbersBytes(n), HEADER_WORDS + 4 * n);
}
