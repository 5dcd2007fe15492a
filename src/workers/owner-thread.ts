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

export interface OwnerThreadData {
  readonly index: number;
  /** Null: claims come from main only. */
  readonly ingress: IngressData | null;
}

export type ToOwnerThread =
  | { readonly kind: 'life'; readonly life: number; readonly task: OwnerTask }
  | { readonly kind: 'ingress'; readonly message: ToIngress }
  /** It gets no more connections: its sockets may be closed. It ends then. */
  | { readonly kind: 'close' };

/** An error as it travels. */
export interface ThreadFailure {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

export type FromOwnerThread =
  /** `descriptor`: of its app, for main to hand it connections. */
  | { readonly kind: 'up'; readonly descriptor: unknown }
  | { readonly kind: 'lifeEnded'; readonly life: number; readonly failure: ThreadFailure | null }
  | { readonly kind: 'ingress'; readonly message: FromIngress }
  | { readonly kind: 'crashed'; readonly failure: ThreadFailure };

export interface OwnerThreadEvents {
  up(descriptor: unknown): void;
  message(message: FromIngress): void;
  /** It takes no connections any more; `close` is to be called once it is given none. */
  leaving(): void;
  /** It is gone; `error`: why, unless it was asked to. */
  exit(error: Error | null): void;
}

export class OwnerThread {
  private readonly worker: Worker;
  private readonly lives = new Map<
    number,
    { readonly resolve: () => void; readonly reject: (error: Error) => void }
  >();
  private readonly gone: Promise<void>;
  private lastLife = 0;
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
          events.up(message.descriptor);
          break;
        case 'ingress':
          events.message(message.message);
          break;
        case 'lifeEnded': {
          const life = this.lives.get(message.life);
          this.lives.delete(message.life);
          if (message.failure === null) life?.resolve();
          else life?.reject(errorOf(message.failure));
          break;
        }
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
        for (const { reject } of this.lives.values()) reject(error);
        this.lives.clear();
        resolve();
        events.exit(this.isClosing && this.error === null ? null : error);
      });
    });
  }

  /** One life; rejects when it fails, or its thread does. */
  run(task: OwnerTask, transfer: readonly MessagePort[]): Promise<void> {
    const life = ++this.lastLife;
    return new Promise((resolve, reject) => {
      this.lives.set(life, { resolve, reject });
      this.post({ kind: 'life', life, task }, transfer);
    });
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

function errorOf({ name, message, stack }: ThreadFailure): Error {
  return Object.assign(new Error(message), { name, stack });
}

export function failureOf(error: unknown): ThreadFailure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: String(error) };
  const { name, message, stack = `${name}: ${message}` } = error;
  return { name, message, stack };
}
