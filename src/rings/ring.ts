/**
 * A single-producer, single-consumer ring of fixed-size records in shared memory.
 *
 * The producer writes records behind its private tail and publishes them in one atomic store (`publish`); the consumer
 * takes what is there and gives the room back in one atomic store (`release`). Both cursors count records and wrap at
 * 2^32. A consumer that is about to sleep says so (`sleep`), and only then does the producer ring its doorbell: waking
 * a thread costs a hundred times a record.
 *
 * Control words lie on cache lines of their own, or the two sides would slow each other down.
 */
import assert from 'node:assert/strict';

const LINE_WORDS = 16;
const HEAD = 0;
const TAIL = LINE_WORDS;
const SLEEPING = 2 * LINE_WORDS;
const CONTROL_WORDS = 3 * LINE_WORDS;

export function ringBuffer(records: number, recordWords: number): SharedArrayBuffer {
  assert((records & (records - 1)) === 0, 'a ring holds a power of two of records');
  return new SharedArrayBuffer((CONTROL_WORDS + records * recordWords) * 4);
}

export class RingProducer {
  /** The record words of the whole ring; write at the index `reserve` returns. */
  readonly words: Int32Array;
  private readonly control: Int32Array;
  private readonly recordWords: number;
  private readonly records: number;
  private tail: number;
  private published: number;
  private headSeen: number;

  constructor(buffer: SharedArrayBuffer, recordWords: number) {
    this.control = new Int32Array(buffer, 0, CONTROL_WORDS);
    this.words = new Int32Array(buffer, CONTROL_WORDS * 4);
    this.recordWords = recordWords;
    this.records = this.words.length / recordWords;
    this.tail = Atomics.load(this.control, TAIL);
    this.published = this.tail;
    this.headSeen = Atomics.load(this.control, HEAD);
  }

  /** Word index of the next record, or -1 when the ring is full. */
  reserve(): number {
    if (((this.tail - this.headSeen) | 0) >= this.records) {
      this.headSeen = Atomics.load(this.control, HEAD);
      if (((this.tail - this.headSeen) | 0) >= this.records) return -1;
    }
    const at = (this.tail & (this.records - 1)) * this.recordWords;
    this.tail = (this.tail + 1) | 0;
    return at;
  }

  /** Makes the reserved records visible. True when the consumer sleeps and must be woken. */
  publish(): boolean {
    if (this.tail === this.published) return false;
    this.published = this.tail;
    Atomics.store(this.control, TAIL, this.tail);
    return Atomics.load(this.control, SLEEPING) === 1 && Atomics.exchange(this.control, SLEEPING, 0) === 1;
  }

  /** Records published and not yet released. */
  get depth(): number {
    return (this.published - Atomics.load(this.control, HEAD)) | 0;
  }
}

export class RingConsumer {
  readonly words: Int32Array;
  private readonly control: Int32Array;
  private readonly recordWords: number;
  private readonly mask: number;
  private head: number;

  constructor(buffer: SharedArrayBuffer, recordWords: number) {
    this.control = new Int32Array(buffer, 0, CONTROL_WORDS);
    this.words = new Int32Array(buffer, CONTROL_WORDS * 4);
    this.recordWords = recordWords;
    this.mask = this.words.length / recordWords - 1;
    this.head = Atomics.load(this.control, HEAD);
  }

  /** Records that can be read now. */
  available(): number {
    return (Atomics.load(this.control, TAIL) - this.head) | 0;
  }

  /** Word index of the i-th available record. */
  at(i: number): number {
    return ((this.head + i) & this.mask) * this.recordWords;
  }

  /** Gives the room of the first `count` available records back. */
  release(count: number): void {
    this.head = (this.head + count) | 0;
    Atomics.store(this.control, HEAD, this.head);
  }

  /** Announces sleep; false when records arrived meanwhile, then there is no sleep. */
  sleep(): boolean {
    Atomics.store(this.control, SLEEPING, 1);
    if (this.available() === 0) return true;
    Atomics.store(this.control, SLEEPING, 0);
    return false;
  }

  wake(): void {
    Atomics.store(this.control, SLEEPING, 0);
  }
}
