/** The record-store thread as main sees it: started, connected to, ended. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { Logger } from '../logger.ts';
import type { CouponStore } from '../ports-coupons.ts';
import type { EventStore } from '../ports-events.ts';
import { entryUrl } from './entry-url.ts';
import { RECORDS_CALLS } from './records-calls.ts';
import type { FromRecords, RecordsData, RecordsPort, RecordsTarget, ToRecords } from './records-entry.ts';
import { unpackAnswer } from './redemption-answers.ts';
import { type Remote, remote } from './rpc.ts';
import { ThreadCpu } from './thread-cpu.ts';

/** For the thread to end what it is at. */
const REST_MS_MAX = 5_000;

export class RecordsLink<Store extends object> {
  readonly cpu: ThreadCpu;
  readonly store: Remote<Store> & { disconnect(): void };
  readonly coupons: Remote<CouponStore> & { disconnect(): void };
  readonly events: Remote<EventStore> & { disconnect(): void };
  /** Coupons that were swept so far, and how late the last of them were. */
  readonly swept = { coupons: 0, lateMs: 0 };
  private readonly worker: Worker;
  private onRest: () => void = () => {};

  private constructor(worker: Worker, cpu: ThreadCpu) {
    this.worker = worker;
    this.cpu = cpu;
    this.store = remote<Store>(this.channel('records'), RECORDS_CALLS);
    this.coupons = remote<CouponStore>(this.channel('coupons'), { ...RECORDS_CALLS, unpack: unpackAnswer });
    this.events = remote<EventStore>(this.channel('events'), RECORDS_CALLS);
  }

  private channel(serves: RecordsPort['serves']): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.worker.postMessage({ port: port2, serves } satisfies RecordsPort, [port2]);
    return port1;
  }

  /**
   * Resolves when the store is open and its schema up to date. From then on the thread's death is the server's: the
   * logs keep what it did not store.
   */
  static async start<Store extends object>(
    target: RecordsTarget,
    onDeath: (error: Error) => void,
    logger: Logger,
  ): Promise<RecordsLink<Store>> {
    const cpu = new ThreadCpu();
    const workerData: RecordsData = { target, cpu: cpu.buffer };
    const worker = new Worker(entryUrl('records'), { workerData });
    let link: RecordsLink<Store> | null = null;
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (message: FromRecords) => {
        switch (message.kind) {
          case 'ready':
            return resolve();
          case 'failed':
            return reject(new Error(message.detail));
          case 'marksNotSwept':
            return logger.warn({ detail: message.detail }, 'old idempotency marks could not be removed');
          case 'couponsNotSwept':
            return logger.warn({ detail: message.detail }, 'expired coupons could not be marked');
          case 'catalogNotTold':
            return logger.warn({ detail: message.detail }, 'what became of templates could not be told');
          case 'rests':
            return link?.onRest();
          case 'couponsSwept':
            if (link === null) return;
            link.swept.coupons += message.coupons;
            link.swept.lateMs = message.lateMs;
        }
      });
      worker.once('error', reject);
    });
    worker.on('error', onDeath);
    link = new RecordsLink<Store>(worker, cpu);
    return link;
  }

  /** Connects one more client. */
  connect(port: MessagePort): void {
    this.worker.postMessage({ port, serves: 'records' } satisfies RecordsPort, [port]);
  }

  /**
   * Ends what the thread does by itself. To be called before the store is closed: the library of SQLite takes the process
   * with it when it is called after that, or ended in the middle of a call.
   */
  async rest(): Promise<void> {
    const resting = new Promise<void>((resolve) => {
      this.onRest = resolve;
      setTimeout(resolve, REST_MS_MAX).unref();
    });
    this.worker.postMessage('rest' satisfies ToRecords);
    await resting;
  }

  async end(): Promise<void> {
    this.store.disconnect();
    this.coupons.disconnect();
    this.events.disconnect();
    await this.worker.terminate();
  }
}
