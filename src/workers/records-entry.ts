/** The record-store thread: SQLite is synchronous, so it blocks here and nowhere else. Several clients, one port each. */

import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { SqliteStore } from '../records/sqlite-store.ts';
import { stepBehindClaims } from './background-priority.ts';
import { serveCalls } from './rpc.ts';
import { threadCpuSeconds } from './thread-cpu.ts';

export interface RecordsData {
  readonly file: string;
  /** One Float64: CPU seconds of this thread. */
  readonly cpu: SharedArrayBuffer;
}

stepBehindClaims();
const { file, cpu } = workerData as RecordsData;
const store = new SqliteStore(file);
const figures = new Float64Array(cpu);
setInterval(() => {
  figures[0] = threadCpuSeconds();
}, 250).unref();

parentPort!.on('message', ({ port }: { port: MessagePort }) => serveCalls(port, store));
parentPort!.postMessage('ready');
