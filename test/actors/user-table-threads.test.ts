/** A reader on another thread never sees a wrong entry. Runs what `npm run build` compiled. */
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { UserTable } from '../../src/actors/user-table.ts';

const USERS = 60_000;
const HI = 77;

interface Seen {
  readonly found: number;
  readonly absent: number;
  readonly unknown: number;
  readonly wrong: readonly string[];
}

test('a thread that reads while the owner writes sees every entry whole or not at all', async () => {
  const table = UserTable.create(1);
  const state = new Int32Array(new SharedArrayBuffer(12));
  const reader = new Worker(new URL('./user-table-reader.mjs', import.meta.url), {
    workerData: { buffers: table.buffers, state, hi: HI },
  });
  const report = once(reader, 'message') as Promise<[Seen]>;
  const deadlineMs = Date.now() + 30_000;
  const readerGoesOn = async (): Promise<void> => {
    const rounds = Atomics.load(state, 2);
    while (Atomics.load(state, 2) === rounds && Date.now() < deadlineMs) await turn();
  };
  await readerGoesOn();
  let growths = 0;
  let late: { index: number; buffer: SharedArrayBuffer } | null = null;
  table.onSegment = (index, buffer) => {
    growths++;
    late = { index, buffer };
  };
  for (let lo = 1; lo <= USERS; lo++) {
    table.put(lo, HI, lo * 3);
    Atomics.store(state, 1, lo);
    if (lo > 100) table.put(lo - 100, HI, (lo - 100) * 3 + 1);
    if (lo % 2000 > 0) continue;
    // A replacement reaches the reader only after it looked without it: it must then say that it does not know.
    await readerGoesOn();
    if (late !== null) reader.postMessage(late);
    late = null;
    await readerGoesOn();
  }
  Atomics.store(state, 0, 1);
  const [seen] = await report;
  expect(seen.wrong).toEqual([]);
  expect(growths).toBeGreaterThan(10);
  expect(seen.found).toBeGreaterThan(1000);
  expect(seen.absent).toBeGreaterThan(100);
  expect(seen.unknown).toBeGreaterThan(0);
});
