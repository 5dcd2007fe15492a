/**
 * The record-store thread. SQLite is synchronous, so it blocks here and nowhere else; for MySQL the packing of rows is
 * what the claim path must not wait for. Several clients, one port each.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { stepBehindClaims } from './background-priority.ts';
import { serveCalls } from './rpc.ts';
import { threadCpuSeconds } from './thread-cpu.ts';

export type RecordsTarget =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'mysql'; readonly url: string };

export interface RecordsData {
  readonly target: RecordsTarget;
  /** One Float64: CPU seconds of this thread. */
  readonly cpu: SharedArrayBuffer;
}

stepBehindClaims();
const { target, cpu } = workerData as RecordsData;
const figures = new Float64Array(cpu);
setInterval(() => {
  figures[0] = threadCpuSeconds();
}, 250).unref();

/** Loads only the library that is used. */
async function open(): Promise<object> {
  if (target.kind === 'sqlite') {
    const { SqliteStore } = await import('../records/sqlite-store.ts');
    return new SqliteStore(target.file);
  }
  const { openMysqlStore } = await import('../records/mysql/mysql-store.ts');
  return openMysqlStore(target.url);
}

try {
  const store = await open();
  parentPort!.on('message', ({ port }: { port: MessagePort }) => serveCalls(port, store));
  parentPort!.postMessage('ready');
} catch (error) {
  parentPort!.postMessage({ failed: error instanceof Error ? error.message : String(error) });
  parentPort!.close();
}
