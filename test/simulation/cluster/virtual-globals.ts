/** Code that asks the machine for the time, a timer or its disk gets those of the simulated process it runs in. */
import type { LogDisk } from '../../../src/claimlog/disk.ts';
import type { World } from './world.ts';

type Loose = Record<string, unknown>;

export async function withVirtualGlobals(
  world: World,
  disk: LogDisk,
  onRejection: (reason: unknown) => void,
  body: () => Promise<void>,
): Promise<void> {
  const real = { now: Date.now, setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  const realDisk = { ...disk };
  const listeners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  process.on('unhandledRejection', onRejection);
  Date.now = () => world.nowMs;
  const timers = new Map<number, () => void>();
  let lastTimer = 0;
  globalThis.setTimeout = ((run: () => void, ms = 0) => {
    const id = ++lastTimer;
    timers.set(id, run);
    world.current?.main.later(Math.max(1, ms * 1_000), () => {
      timers.get(id)?.();
      timers.delete(id);
    });
    return Object.assign(Object(id), { unref() {} });
  }) as unknown as typeof setTimeout;
  globalThis.clearTimeout = ((id: unknown) => void timers.delete(Number(id))) as typeof clearTimeout;
  for (const name of Object.keys(realDisk)) {
    (disk as unknown as Loose)[name] = (...args: unknown[]) => {
      const there = world.current!.node.disk as unknown as Record<string, (...args: unknown[]) => unknown>;
      return there[name](...args);
    };
  }
  try {
    await body();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    Object.assign(disk, realDisk);
    Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout });
    Date.now = real.now;
    process.removeAllListeners('unhandledRejection');
    for (const listener of listeners) process.on('unhandledRejection', listener);
  }
}
