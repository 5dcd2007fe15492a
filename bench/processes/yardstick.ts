/** The bare handler as a running process. */
import { compiled } from '../paths.ts';
import { Child } from './child.ts';
import { freePorts } from './ports.ts';
import type { Target } from './target.ts';

const READY_MS_MAX = 10_000;

export interface Yardstick extends Target {
  stop(): Promise<void>;
}

export async function startYardstick(): Promise<Yardstick> {
  const [port, internalPort] = (await freePorts(2)) as [number, number];
  const file = compiled('bench/yardstick-server.js');
  const child = new Child(file, [String(port), String(internalPort)], process.env);
  await child.ready(`http://127.0.0.1:${internalPort}/`, READY_MS_MAX);
  return { port, internalPort, stop: () => child.end('SIGKILL') };
}
