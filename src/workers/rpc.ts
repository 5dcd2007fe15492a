/**
 * Calls between threads over a MessagePort: a method name and its arguments there, a value or an error back.
 * For control traffic and SQL only; claims travel on rings. Calls of one turn of the event loop travel together, and so
 * do answers that are there at once.
 *
 * So many calls may be under way at a time; one more is refused at once. A call that is not answered by its deadline is
 * refused too, and nobody knows what becomes of it: callers must be able to ask again. Its answer, when it comes, is
 * dropped. Until then it keeps its place, so that a thread that stands still is not given ever more to do.
 *
 * What went wrong there keeps its kind here: `Unavailable` is worth a retry, anything else is a fault of a program and
 * arrives as a `RemoteFault` with the stack of where it happened.
 */
import type { MessagePort } from 'node:worker_threads';
import { RPC_DEADLINE_MS, RPC_PENDING_MAX } from '../limits.ts';
import { Overloaded, Unavailable } from '../problems.ts';
import { Gathering } from './gathering.ts';

interface Call {
  readonly call: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

/** An error as it travels: the classes of drivers cannot. */
type Failure =
  | { readonly kind: 'unavailable'; readonly message: string }
  | {
      readonly kind: 'fault';
      readonly name: string;
      readonly message: string;
      readonly stack: string;
      readonly code: string | number | null;
    };

interface Reply {
  readonly reply: number;
  readonly value?: unknown;
  readonly failure?: Failure;
}

/** An object whose methods can be called from another thread: all async. */
export type Remote<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => Promise<infer R> ? (...args: A) => Promise<R> : never;
};

/** Something went wrong in the other thread that should not: its error's name, message, stack and, if any, code. */
export class RemoteFault extends Error {
  override readonly name: string;
  readonly code: string | number | null;

  constructor(failure: Extract<Failure, { kind: 'fault' }>) {
    super(failure.message);
    this.name = failure.name;
    this.code = failure.code;
    this.stack = `${failure.stack}\n    -- called from another thread`;
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Unavailable;
}

/**
 * Answers calls on `port` with the methods of `target`. `isOutage`: which of its errors say only that something it needs
 * cannot be reached right now. `pack`: what an answer is sent as; the other end unpacks it.
 */
export function serveCalls<T extends object>(
  port: MessagePort,
  target: T,
  isOutage: (error: unknown) => boolean = isUnavailable,
  pack: (value: unknown) => unknown = (value) => value,
): void {
  // Before anything else runs here: answers of one transaction are there at once, and the next one may take long.
  const replies = new Gathering<Reply>(port, process.nextTick, ({ reply }, error) =>
    replies.send({ reply, failure: failureOf(error, isOutage) }),
  );
  const serve = ({ call, method, args }: Call): void => {
    const run = (target as unknown as Record<string, (...args: readonly unknown[]) => Promise<unknown>>)[
      method
    ];
    // Own prototype methods only: the name comes from our own threads, a wrong one is a programmer error.
    Promise.resolve()
      .then(() => run.apply(target, args as unknown[]))
      .then((value) => replies.send({ reply: call, value: pack(value) }))
      .catch((error: unknown) => replies.send({ reply: call, failure: failureOf(error, isOutage) }));
  };
  port.on('message', (calls: readonly Call[]) => {
    for (const call of calls) serve(call);
  });
}

function failureOf(error: unknown, isOutage: (error: unknown) => boolean): Failure {
  if (!(error instanceof Error))
    return { kind: 'fault', name: 'Error', message: String(error), stack: String(error), code: null };
  const { name, message, stack = `${name}: ${message}`, code } = error as Error & { code?: unknown };
  if (isUnavailable(error)) return { kind: 'unavailable', message };
  if (isOutage(error)) return { kind: 'unavailable', message: `${name}: ${message}` };
  return {
    kind: 'fault',
    name,
    message,
    stack,
    code: typeof code === 'string' || typeof code === 'number' ? code : null,
  };
}

export interface RemoteOptions {
  /** Calls under way at a time; one more is `Overloaded`. */
  readonly pendingMax?: number;
  /** A call not answered by then is `Unavailable`. */
  readonly deadlineMs?: number;
  /** The same of methods that may take longer. */
  readonly deadlinesMs?: Readonly<Record<string, number>>;
  /** Makes the answer of what it was sent as. */
  readonly unpack?: (value: unknown) => unknown;
}

/** `answer`: null once nobody waits for it any more. */
interface Pending {
  answer: { resolve: (value: unknown) => void; reject: (error: Error) => void } | null;
  readonly timer: NodeJS.Timeout;
}

class Calls {
  private readonly port: MessagePort;
  private readonly calls: Gathering<Call>;
  private readonly pendingMax: number;
  private readonly deadlineMs: number;
  private readonly deadlinesMs: Readonly<Record<string, number>>;
  private readonly unpack: (value: unknown) => unknown;
  private readonly pending = new Map<number, Pending>();
  private next = 1;
  private isClosed = false;

  constructor(port: MessagePort, options: RemoteOptions) {
    this.port = port;
    this.pendingMax = options.pendingMax ?? RPC_PENDING_MAX;
    this.deadlineMs = options.deadlineMs ?? RPC_DEADLINE_MS;
    this.deadlinesMs = options.deadlinesMs ?? {};
    this.unpack = options.unpack ?? ((value) => value);
    // Once everything that has arrived was looked at: each request comes in an event of its own.
    this.calls = new Gathering<Call>(port, setImmediate, ({ call }, error) => this.unsent(call, error));
    port.on('message', (replies: readonly Reply[]) => {
      for (const reply of replies) this.answered(reply);
    });
    port.on('close', () => this.closed());
  }

  call(method: string, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) throw gone();
      if (this.pending.size >= this.pendingMax)
        throw new Overloaded(`${this.pendingMax} calls are under way: ${method} was not made`);
      const call = this.next++;
      this.calls.send({ call, method, args });
      const deadlineMs = this.deadlinesMs[method] ?? this.deadlineMs;
      // An answer that is here already counts, also when this thread itself has been standing still.
      const timer = setTimeout(() => setImmediate(() => this.late(call, method, deadlineMs)), deadlineMs);
      this.pending.set(call, { answer: { resolve, reject }, timer });
    });
  }

  /** What was called for by then is still sent. */
  disconnect(): void {
    this.calls.flush();
    this.port.close();
  }

  private answered({ reply, value, failure }: Reply): void {
    const pending = this.pending.get(reply);
    if (pending === undefined) return;
    this.pending.delete(reply);
    clearTimeout(pending.timer);
    if (failure === undefined) pending.answer?.resolve(this.unpack(value));
    else if (failure.kind === 'unavailable') pending.answer?.reject(new Unavailable(failure.message));
    else pending.answer?.reject(new RemoteFault(failure));
  }

  /** It reached nobody. */
  private unsent(call: number, error: unknown): void {
    const pending = this.pending.get(call)!;
    this.pending.delete(call);
    clearTimeout(pending.timer);
    pending.answer?.reject(error as Error);
  }

  private late(call: number, method: string, deadlineMs: number): void {
    const pending = this.pending.get(call);
    if (pending === undefined) return;
    pending.answer?.reject(
      new Unavailable(`${method} was not answered within ${deadlineMs} ms; what became of it is not known`),
    );
    pending.answer = null;
  }

  private closed(): void {
    this.isClosed = true;
    for (const { answer, timer } of this.pending.values()) {
      clearTimeout(timer);
      answer?.reject(gone());
    }
    this.pending.clear();
  }
}

function gone(): Unavailable {
  return new Unavailable('the thread that serves this call is gone');
}

/** A client for `serveCalls`. Pending calls are rejected when the port closes, and so are later ones. */
export function remote<T extends object>(
  port: MessagePort,
  options: RemoteOptions = {},
): Remote<T> & { disconnect(): void } {
  const calls = new Calls(port, options);
  const handler: ProxyHandler<object> = {
    get: (_target, method) => {
      if (method === 'disconnect') return () => calls.disconnect();
      // A proxy must not look like a promise, or `await` would call it.
      if (typeof method !== 'string' || method === 'then') return undefined;
      return (...args: unknown[]) => calls.call(method, args);
    },
  };
  return new Proxy({}, handler) as Remote<T> & { disconnect(): void };
}
