/** Numbers that two threads share: whole, in order, and there after their writer is gone. Runs the compiled class. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { NumbersReader, NumbersWriter, numbersBytes, sharedNumbers } from '../../src/rings/shared-numbers.ts';

const READS = 300_000;

test('a reader sees what was published and nothing else', () => {
  const buffer = sharedNumbers(2);
  const [writer, reader] = [new NumbersWriter(buffer, 2), new NumbersReader(buffer, 2)];
  expect([...reader.read()]).toEqual([0, 0]);
  writer.values.set([1.5, -(2 ** 53)]);
  expect([...reader.read()]).toEqual([0, 0]);
  writer.publish();
  expect([...reader.read()]).toEqual([1.5, -(2 ** 53)]);
});

test('the next writer goes on where the last one was', () => {
  const buffer = sharedNumbers(1);
  const first = new NumbersWriter(buffer, 1);
  first.values[0] = 7;
  first.publish();
  first.values[0] = 8;
  const next = new NumbersWriter(buffer, 1);
  next.values[0]++;
  next.publish();
  expect([...new NumbersReader(buffer, 1).read()]).toEqual([8]);
});

test('places in one buffer are apart', () => {
  const buffer = new SharedArrayBuffer(2 * numbersBytes(2));
  const writers = [0, 1].map((index) => new NumbersWriter(buffer, 2, index));
  for (const [index, writer] of writers.entries()) {
    writer.values.fill(index + 1);
    writer.publish();
  }
  expect([0, 1].map((index) => [...new NumbersReader(buffer, 2, index).read()])).toEqual([
    [1, 1],
    [2, 2],
  ]);
});

test('beside a thread that writes all the time nothing is torn and nothing goes back', async () => {
  const buffer = new SharedArrayBuffer(2 * numbersBytes(3));
  const stop = new SharedArrayBuffer(4);
  const peer = new Worker(new URL('./numbers-peer.mjs', import.meta.url), { workerData: { buffer, stop } });
  await once(peer, 'message');
  const reader = new NumbersReader(buffer, 3, 1);
  let [last, changes] = [0, 0];
  const faults: string[] = [];
  for (let i = 0; (i < READS || changes < 1_000) && faults.length === 0; i++) {
    const [n, minus, third] = reader.read();
    if (minus !== -n || third !== n / 3) faults.push(`torn: ${n}, ${minus}, ${third}`);
    if (n < last) faults.push(`back from ${last} to ${n}`);
    if (n > last) changes++;
    last = n;
  }
  Atomics.store(new Int32Array(stop), 0, 1);
  const [written] = await once(peer, 'message');
  expect(faults).toEqual([]);
  expect(reader.read()[0]).toBe(written);
});
