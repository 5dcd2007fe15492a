/**
 * The thread of an owner as main sees it: started, given one life after the other, and ended. Its ingress, if it has one,
 * goes on while lives come and go.
 *
 * A thread must not end while sockets are open in it, or the process ends with it. So one that has failed (an error that
 * nobody caught) says so first, is taken out of those that get connections, closes its sockets, and then ends by itself.
 */
import { type MessagePort, Worker } from 'node:worker_threads';
import type { FromIngress, IngressData, ToIngress } from '../ingress/ingress-messages.ts';
import { entryUrl } from './entry-url.ts';
import type { OwnerTask } from './owner-messages.ts';
import { errorOf, type ThreadFailure } from './thread-failure.ts';

export interface OwnerThreadData {
  /** Null: claims come from main only. */
  readonly ingress: IngressData | null;
}

export type ToOwnerThread =
  /** What becomes of it is told on the task's own port, behind all else that the life says. */
  | { readonly kind: 'life'; readonly task: OwnerTask }
  | { readonly kind: 'ingress'; readonly message: ToIngress }
  /** It gets no more connections: its sockets may be closed. It ends then. */
  | { readonly kind: 'close' };

export type FromOwnerThread =
  /** `descriptor`: of its app, for main to hand it connections. */
  | { readonly kind: 'up'; readonly descriptor: unknown }
  | { readonly kind: 'ingress'; readonly message: FromIngress }
  | { readonly kind: 'crashed'; readonly failure: ThreadFailure };

export interface OwnerThreadEvents {
  up(descriptor: unknown): void;
  message(message: FromIngress): void;
  /** It takes no connections any more; `close` is to be called once it is given none. */
  leaving(): void;
  /** It is gone. `wasAsked`: to be; nothing failed. */
  exit(error: Error, wasAsked: boolean): void;
}

export class OwnerThread {
  private readonly worker: Worker;
  private readonly gone: Promise<void>;
  private error: Error | null = null;
  private isClosing = false;

  constructor(data: OwnerThreadData, transfer: readonly MessagePort[], events: OwnerThreadEvents) {
    this.worker = new Worker(entryUrl('owner'), {
      workerData: data,
      transferList: transfer as MessagePort[],
    });
    this.worker.on('message', (message: FromOwnerThread) => {
      switch (message.kind) {
        case 'up':
          // Of one that is to end already nobody must come to it any more.
          if (!this.isClosing) events.up(message.descriptor);
          break;
        case 'ingress':
          events.message(message.message);
          break;
        case 'crashed':
          this.error ??= errorOf(message.failure);
          events.leaving();
          break;
      }
    });
    this.worker.on('error', (error) => {
      this.error ??= error as Error;
    });
    this.gone = new Promise((resolve) => {
      this.worker.once('exit', () => {
        const error = this.error ?? new Error('the thread of an owner has ended');
        resolve();
        events.exit(error, this.isClosing && this.error === null);
      });
    });
  }

  /** Begins a life. */
  run(task: OwnerTask, transfer: readonly MessagePort[]): void {
    this.post({ kind: 'life', task }, transfer);
  }

  send(message: ToIngress, transfer: readonly MessagePort[] = []): void {
    this.post({ kind: 'ingress', message }, transfer);
  }

  /** To be called when it gets no more connections. Resolves when it is gone. */
  close(): Promise<void> {
    this.isClosing = true;
    this.post({ kind: 'close' }, []);
    return this.gone;
  }

  private post(message: ToOwnerThread, transfer: readonly MessagePort[]): void {
    this.worker.postMessage(message, transfer as MessagePort[]);
  }
}
