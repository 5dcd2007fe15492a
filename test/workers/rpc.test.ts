/** Calls between threads, over a real MessagePort: bounded, each with a deadline, and errors keep their kind. */
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Overloaded, Unavailable } from '../../src/problems.ts';
import { RemoteFault, type RemoteOptions, remote, serveCalls } from '../../src/workers/rpc.ts';

/** What stands at the other end. `held` calls wait until the test lets them go. */
class Target {
  readonly seen: string[] = [];
  private readonly held: (() => void)[] = [];

  async add(a: number, b: number): Promise<number> {
    return a + b;
  }

  async bytes(words: Uint8Array): Promise<Uint8Array> {
    return words.map((byte) => byte + 1);
  }

  async hold(name: string): Promise<string> {
    this.seen.push(name);
    await new Promise<void>((resolve) => this.held.push(resolve));
    return name;
  }

  letGo(): void {
    for (const resolve of this.held.splice(0)) resolve();
  }

  async conflict(): Promise<{ kind: 'conflict'; detail: string }> {
    return { kind: 'conflict', detail: 'serial 5 is of two users' };
  }

  async away(): Promise<void> {
    throw new Unavailable('the shard is closed');
  }

  async lost(): Promise<void> {
    throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  }

  async bug(): Promise<void> {
    throw Object.assign(new RangeError('off by one'), { code: 'ER_BUG' });
  }

  async unsendable(): Promise<unknown> {
    return () => {};
  }

  async notAnError(): Promise<void> {
    throw 'just text';
  }
}

let target: Target;
let ports: MessagePort[];

beforeEach(() => {
  target = new Target();
  ports = [];
});

afterEach(() => {
  for (const port of ports) port.close();
});

function connect(options?: RemoteOptions) {
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  serveCalls(port2, target, (error) => (error as { code?: unknown }).code === 'ECONNRESET');
  return remote<Target>(port1, options);
}

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > deadlineMs) throw new Error('never');
    await new Promise(setImmediate);
  }
}

async function errorOf(call: Promise<unknown>): Promise<Error & { code?: unknown }> {
  return call.then(
    (value) => {
      throw new Error(`answered ${String(value)}`);
    },
    (error) => error,
  );
}

test('values travel both ways, and answers find their calls whatever their order', async () => {
  const there = connect();
  const slow = there.hold('slow');
  expect(await there.add(2, 3)).toBe(5);
  expect(await there.bytes(Uint8Array.of(1, 2))).toEqual(Uint8Array.of(2, 3));
  expect(await Promise.all([there.add(1, 1), there.add(2, 2)])).toEqual([2, 4]);
  target.letGo();
  expect(await slow).toBe('slow');
});

describe('what goes wrong there keeps its kind', () => {
  test('a conflict is a value', async () => {
    expect(await connect().conflict()).toEqual({ kind: 'conflict', detail: 'serial 5 is of two users' });
  });

  test('what is away is unavailable: said by the target itself, or by an error that means it', async () => {
    const there = connect();
    for (const [call, message] of [
      [there.away(), 'the shard is closed'],
      [there.lost(), 'Error: read ECONNRESET'],
    ] as const) {
      const error = await errorOf(call);
      expect(error).toBeInstanceOf(Unavailable);
      expect(error).not.toBeInstanceOf(Overloaded);
      expect(error.message).toBe(message);
    }
  });

  test('a bug is a fault with its name, its code, and the stack of where it happened', async () => {
    const error = await errorOf(connect().bug());
    expect(error).toBeInstanceOf(RemoteFault);
    expect(error).not.toBeInstanceOf(Unavailable);
    expect([error.name, error.message, error.code]).toEqual(['RangeError', 'off by one', 'ER_BUG']);
    expect(error.stack).toMatch(/RangeError: off by one\n +at Target\.bug .*rpc\.test\.ts/);
  });

  test('so are an answer that cannot travel, a method that is not there, and a throw of no error', async () => {
    const there = connect();
    const names: string[] = [];
    const errors = [
      there.unsendable(),
      (there as unknown as { nothing(): Promise<void> }).nothing(),
      there.notAnError(),
    ].map(errorOf);
    for (const error of await Promise.all(errors)) {
      expect(error).toBeInstanceOf(RemoteFault);
      names.push(error.name);
    }
    expect(names).toEqual(['DataCloneError', 'TypeError', 'Error']);
    expect(await there.add(1, 2)).toBe(3);
  });
});

describe('what belongs together travels together', () => {
  /** What passes the port, message by message. */
  function heard(port: MessagePort): unknown[][] {
    const messages: unknown[][] = [];
    port.on('message', (message) => messages.push(message));
    return messages;
  }

  test('calls of one turn in one message and in their order, answers that are there at once in another', async () => {
    const there = connect();
    const [answers, calls] = ports.map(heard) as [unknown[][], unknown[][]];
    const held = Promise.all(['a', 'b', 'c'].map((name) => there.hold(name)));
    await until(() => target.seen.length === 3);
    target.letGo();
    expect(await held).toEqual(['a', 'b', 'c']);
    expect(target.seen).toEqual(['a', 'b', 'c']);
    expect([calls, answers].map((messages) => messages.map(({ length }) => length))).toEqual([[3], [3]]);
    expect(await there.add(1, 2)).toBe(3);
    expect([calls.length, answers.length]).toEqual([2, 2]);
  });

  test('answers leave before anything else gets its turn there', async () => {
    connect();
    const [port1] = ports as [MessagePort, MessagePort];
    port1.removeAllListeners('message');
    port1.postMessage([{ call: 1, method: 'hold', args: ['x'] }]);
    await until(() => target.seen.length === 1);
    const next = await new Promise<unknown>((resolve) => {
      setImmediate(() => target.letGo());
      setImmediate(() => resolve(receiveMessageOnPort(port1)?.message));
    });
    expect(next).toEqual([{ reply: 1, value: 'x' }]);
  });

  test('a call or an answer that cannot travel takes nothing with it', async () => {
    const there = connect();
    const unsendable = (() => {}) as unknown as string;
    const held = [there.hold('a'), errorOf(there.hold(unsendable)), there.hold('b')] as const;
    expect((await held[1])?.name).toBe('DataCloneError');
    await until(() => target.seen.length === 2);
    target.letGo();
    expect([await held[0], await held[2]]).toEqual(['a', 'b']);
    const answers = await Promise.all([there.add(1, 2), errorOf(there.unsendable()), there.add(3, 4)]);
    expect([answers[0], answers[2]]).toEqual([3, 7]);
    expect([answers[1].name, answers[1]]).toEqual(['DataCloneError', expect.any(RemoteFault)]);
  });

  test('what was called for before disconnecting is still sent, and nobody knows what became of it', async () => {
    const there = connect();
    const calls = [errorOf(there.hold('a')), errorOf(there.hold('b'))];
    there.disconnect();
    for (const error of await Promise.all(calls)) expect(error).toBeInstanceOf(Unavailable);
    await until(() => target.seen.length === 2);
    expect(target.seen).toEqual(['a', 'b']);
  });

  test('calls that wait to be sent when the other end goes are unavailable', async () => {
    const there = connect();
    const held = errorOf(there.hold('x'));
    await until(() => target.seen.length === 1);
    ports[1]!.close();
    const later = errorOf(there.hold('y'));
    for (const error of [await held, await later]) expect(error).toBeInstanceOf(Unavailable);
    expect(target.seen).toEqual(['x']);
  });

  test('an answer that cannot be packed is a fault of its call', async () => {
    const { port1, port2 } = new MessageChannel();
    ports.push(port1, port2);
    serveCalls(port2, target, undefined, (value) => {
      if (value === 3) throw new TypeError('three');
      return [value];
    });
    const there = remote<Target>(port1, { unpack: (value) => (value as unknown[])[0] });
    const answers = await Promise.all([errorOf(there.add(1, 2)), there.add(2, 2)]);
    expect([answers[0].name, answers[1]]).toEqual(['TypeError', 4]);
  });
});

describe('calls under way are bounded', () => {
  test('one too many is overloaded, reaches nobody, and an answer makes room', async () => {
    const there = connect({ pendingMax: 2 });
    const held = [there.hold('a'), there.hold('b')];
    const error = await errorOf(there.hold('c'));
    expect(error).toBeInstanceOf(Overloaded);
    expect(error).toBeInstanceOf(Unavailable);
    await until(() => target.seen.length === 2);
    target.letGo();
    expect(await Promise.all(held)).toEqual(['a', 'b']);
    expect(await there.add(1, 2)).toBe(3);
    expect(target.seen).toEqual(['a', 'b']);
  });

  test('a call that cannot be sent takes no place', async () => {
    const there = connect({ pendingMax: 1 });
    const unsendable = (() => {}) as unknown as string;
    expect((await errorOf(there.hold(unsendable))).name).toBe('DataCloneError');
    expect(await there.add(1, 2)).toBe(3);
  });
});

describe('a call without an answer', () => {
  test('is unavailable at its deadline; its late answer is dropped, and only that gives its place back', async () => {
    const there = connect({ pendingMax: 1, deadlineMs: 20 });
    const error = await errorOf(there.hold('stuck'));
    expect(error).toBeInstanceOf(Unavailable);
    expect(error.message).toContain('hold was not answered within 20 ms');
    expect(await errorOf(there.add(1, 2))).toBeInstanceOf(Overloaded);
    target.letGo();
    let answer: unknown;
    const deadlineMs = Date.now() + 5_000;
    while (answer === undefined && Date.now() < deadlineMs)
      answer = await there.add(1, 2).catch((late: Error) => {
        expect(late).toBeInstanceOf(Overloaded);
        return new Promise<undefined>((resolve) => setImmediate(resolve, undefined));
      });
    expect(answer).toBe(3);
  });

  test('has the deadline of its method', async () => {
    const there = connect({ deadlineMs: 60_000, deadlinesMs: { hold: 10 } });
    expect((await errorOf(there.hold('long'))).message).toContain('within 10 ms');
  });

  test('is not given up when the answer came while this thread itself stood still', async () => {
    const there = connect({ deadlineMs: 30 });
    const sum = there.add(1, 2);
    const held = there.hold('x');
    await until(() => target.seen.length === 1);
    target.letGo();
    // The answers are on their way to this thread, which comes to look long after the deadline.
    await Promise.resolve();
    for (const startMs = performance.now(); performance.now() < startMs + 60; );
    expect(await Promise.all([sum, held])).toEqual([3, 'x']);
  });
});

describe('when the other end goes', () => {
  test('calls under way are unavailable, and so are later ones, at once', async () => {
    const there = connect();
    const held = errorOf(there.hold('x'));
    await until(() => target.seen.length === 1);
    ports[1].close();
    expect(await held).toBeInstanceOf(Unavailable);
    const later = await errorOf(there.add(1, 2));
    expect(later).toBeInstanceOf(Unavailable);
    expect(later.message).toContain('is gone');
  });

  test('so it is after disconnecting', async () => {
    const there = connect();
    const held = errorOf(there.hold('x'));
    there.disconnect();
    expect(await held).toBeInstanceOf(Unavailable);
    expect(await errorOf(there.add(1, 2))).toBeInstanceOf(Unavailable);
  });
});

test('is no promise itself', async () => {
  const there = connect();
  expect(await Promise.race([Promise.resolve(there)])).toBe(there);
});
