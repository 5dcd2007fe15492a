/**
 * Calls between threads over a MessagePort: a method name and its arguments there, a value or an error back.
 * For control traffic and SQL only; claims travel on rings.
 */
import type { MessagePort } from 'node:worker_threads';
import { Unavailable } from '../problems.ts';

interface Call {
  readonly call: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

interface Reply {
  readonly reply: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** An object whose methods can be called from another thread: all async. */
export type Remote<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => Promise<infer R> ? (...args: A) => Promise<R> : never;
};

/** Answers calls on `port` with the methods of `target`. */
export function serveCalls<T extends object>(port: MessagePort, target: T): void {
  port.on('message', ({ call, method, args }: Call) => {
    const run = (target as unknown as Record<string, (...args: readonly unknown[]) => Promise<unknown>>)[
      method
    ];
    // Own prototype methods only: the name comes from our own threads, a wrong one is a programmer error.
    Promise.resolve()
      .then(() => run.apply(target, args as unknown[]))
      .then(
        (value) => port.postMessage({ reply: call, value } satisfies Reply),
        (error: unknown) => port.postMessage({ reply: call, error: describe(error) } satisfies Reply),
      );
  });
}

/** A client for `serveCalls`. Pending calls are rejected when the port closes. */
export function remote<T extends object>(port: MessagePort): Remote<T> & { disconnect(): void } {
  const pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let next = 1;
  port.on('message', ({ reply, value, error }: Reply) => {
    const call = pending.get(reply);
    if (call === undefined) return;
    pending.delete(reply);
    if (error === undefined) call.resolve(value);
    else call.reject(new Unavailable(error));
  });
  port.on('close', () => {
    for (const call of pending.values())
      call.reject(new Unavailable('the thread that serves this call is gone'));
    pending.clear();
  });
  const handler: ProxyHandler<object> = {
    get: (_target, method) => {
      if (method === 'disconnect') return () => port.close();
      // A proxy must not look like a promise, or `await` would call it.
      if (typeof method !== 'string' || method === 'then') return undefined;
      return (...args: unknown[]) =>
        new Promise((resolve, reject) => {
          const call = next++;
          pending.set(call, { resolve, reject });
          port.postMessage({ call, method, args } satisfies Call);
        });
    },
  };
  return new Proxy({}, handler) as Remote<T> & { disconnect(): void };
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
