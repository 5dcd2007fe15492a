/** The record-store thread as main sees it: started, connected to, ended. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { RecordsData, RecordsTarget } from './records-entry.ts';
import { type Remote, remote } from './rpc.ts';

export class RecordsLink<Store extends object> {
  /** [0]: CPU seconds of the thread. */
  readonly cpu: Float64Array;
  readonly store: Remote<Store> & { disconnect(): void };
  private readonly worker: Worker;

  private constructor(worker: Worker, port: MessagePort, cpu: Float64Array) {
    this.worker = worker;
    this.cpu = cpu;
    this.store = remote<Store>(port);
  }

  /**
   * Resolves when the store is open and its schema up to date. From then on the thread's death is the server's: the
   * logs keep what it did not store.
   */
  static async start<Store extends object>(
    target: RecordsTarget,
    onDeath: (error: Error) => void,
  ): Promise<RecordsLink<Store>> {
    const cpu = new Float64Array(new SharedArrayBuffer(8));
    const workerData: RecordsData = { target, cpu: cpu.buffer };
    const worker = new Worker(new URL('./records-entry.js', import.meta.url), { workerData });
    await new Promise<void>((resolve, reject) => {
      worker.once('message', (message: 'ready' | { readonly failed: string }) => {
        if (message === 'ready') resolve();
        else reject(new Error(message.failed));
      });
      worker.once('error', reject);
    });
    worker.on('error', onDeath);
    const { port1, port2 } = new MessageChannel();
    worker.postMessage({ port: port2 }, [port2]);
    return new RecordsLink<Store>(worker, port1, cpu);
  }

  /** Connects one more client. */
  connect(port: MessagePort): void {
    this.worker.postMessage({ port }, [port]);
  }

  async end(): Promise<void> {
    this.store.disconnect();
    await this.worker.terminate();
  }
}
