import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RingConsumer, RingProducer, ringBuffer } from '../../src/rings/ring.ts';

const WORDS = 4;
const RECORDS = 8;
/** Both cursors stand on cache lines of their own: words 0 and 16. */
const [HEAD, TAIL] = [0, 16];

function pair(start = 0): { producer: RingProducer; consumer: RingConsumer } {
  const buffer = ringBuffer(RECORDS, WORDS);
  const control = new Int32Array(buffer);
  control[HEAD] = start;
  control[TAIL] = start;
  return { producer: new RingProducer(buffer, WORDS), consumer: new RingConsumer(buffer, WORDS) };
}

/** Writes a record whose words all follow from `value`; false when the ring is full. */
function put(producer: RingProducer, value: number): boolean {
  const at = producer.reserve();
  if (at < 0) return false;
  for (let word = 0; word < WORDS; word++) producer.words[at + word] = value * WORDS + word;
  return true;
}

/** The i-th available record's value; fails when its words are of different records. */
function get(consumer: RingConsumer, i: number): number {
  const at = consumer.at(i);
  const words = [...consumer.words.subarray(at, at + WORDS)];
  const value = words[0] / WORDS;
  expect(words).toEqual(Array.from({ length: WORDS }, (_, word) => value * WORDS + word));
  return value;
}

const step = fc.record({
  kind: fc.constantFrom('put', 'put', 'publish', 'take'),
  n: fc.integer({ min: 1, max: 10 }),
});

describe('a ring', () => {
  test.each([
    ['at 0', 0],
    ['where its cursors pass 2^31', 0x7fff_ffff - 20],
    ['where its cursors pass 2^32', 0xffff_ffff - 20],
  ])('is a bounded queue, from a start %s', (_, start) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const { producer, consumer } = pair(start);
        const reserved: number[] = [];
        const published: number[] = [];
        let next = 0;
        for (const { kind, n } of steps) {
          if (kind === 'put') {
            for (let i = 0; i < n; i++) {
              const room = reserved.length + published.length < RECORDS;
              expect(put(producer, next)).toBe(room);
              if (room) reserved.push(next++);
            }
          } else if (kind === 'publish') {
            producer.publish();
            published.push(...reserved.splice(0));
          } else {
            const count = Math.min(n, consumer.available());
            for (let i = 0; i < count; i++) expect(get(consumer, i)).toBe(published[i]);
            published.splice(0, count);
            consumer.release(count);
          }
          expect(consumer.available()).toBe(published.length);
          expect(producer.depth).toBe(published.length);
        }
      }),
      { numRuns: 80 },
    );
  });

  test('that is full takes a record again as soon as one was released', () => {
    const { producer, consumer } = pair();
    for (let value = 0; value < RECORDS; value++) expect(put(producer, value)).toBe(true);
    expect(put(producer, 99)).toBe(false);
    producer.publish();
    consumer.release(1);
    expect(put(producer, 8)).toBe(true);
    expect(put(producer, 99)).toBe(false);
    producer.publish();
    expect(Array.from({ length: 8 }, (_, i) => get(consumer, i))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('is taken up where it was left by new ends', () => {
    const buffer = ringBuffer(RECORDS, WORDS);
    const first = new RingProducer(buffer, WORDS);
    for (let value = 0; value < 3; value++) put(first, value);
    first.publish();
    new RingConsumer(buffer, WORDS).release(2);
    const producer = new RingProducer(buffer, WORDS);
    expect(put(producer, 3)).toBe(true);
    producer.publish();
    const consumer = new RingConsumer(buffer, WORDS);
    expect([get(consumer, 0), get(consumer, 1), consumer.available()]).toEqual([2, 3, 2]);
  });

  test('holds a power of two of records', () => expect(() => ringBuffer(12, WORDS)).toThrow('power of two'));
});

describe('the doorbell', () => {
  test('is wanted once by a consumer that sleeps, and never by one that is awake', () => {
    const { producer, consumer } = pair();
    put(producer, 0);
    expect(producer.publish()).toBe(false);
    consumer.release(1);
    expect(consumer.sleep()).toBe(true);
    put(producer, 1);
    expect(producer.publish()).toBe(true);
    put(producer, 2);
    expect(producer.publish()).toBe(false);
  });

  test('is not wanted for nothing', () => {
    const { producer, consumer } = pair();
    consumer.sleep();
    expect(producer.publish()).toBe(false);
    put(producer, 1);
    expect(producer.publish()).toBe(true);
  });

  test('is not needed when records came before the consumer slept: it does not sleep', () => {
    const { producer, consumer } = pair();
    put(producer, 0);
    producer.publish();
    expect(consumer.sleep()).toBe(false);
    put(producer, 1);
    expect(producer.publish()).toBe(false);
    expect(consumer.available()).toBe(2);
  });

  test('is not wanted by a consumer that woke by itself', () => {
    const { producer, consumer } = pair();
    consumer.sleep();
    consumer.wake();
    put(producer, 0);
    expect(producer.publish()).toBe(false);
  });
});
