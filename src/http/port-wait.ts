/**
 * Having a fixed port, in spite of connections that are in its way.
 *
 * A killed server's own connections are not: both listeners set SO_REUSEADDR. But the kernel hands out ports to outgoing
 * connections too, on Linux 32768 and up, and gives away that of a server while it is down. A client that keeps trying
 * to connect to it can even end up connected to itself. Such a connection keeps the port, when it has ended for a minute
 * more (TIME_WAIT), and then the port is free again: worth waiting for, where another server is not.
 */
import net from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { PORT_WAIT_MS } from '../limits.ts';

const LOOK_MS = 200;
/** A server whose queue of connections is full leaves a new one without any answer. */
const ANSWER_WAIT_MS = 1_000;

export interface WantedPort {
  /** What the operator has set it with. */
  readonly setting: string;
  readonly host: string;
  readonly port: number;
  /** Told once, when it has to be waited for. */
  readonly onWaiting: (message: string) => void;
  /** Ends the waiting. */
  readonly stopped?: AbortSignal;
}

/** A server, or the code of the system's error. */
export type Attempt<S> =
  | { readonly ok: true; readonly server: S }
  | { readonly ok: false; readonly code: string };

export type Listened<S> =
  | { readonly ok: true; readonly server: S }
  /** `error` is a sentence for the operator; null when `stopped` ended it. */
  | { readonly ok: false; readonly error: string | null };

/** Tries until it listens, another server is there, or patience ends: `patienceMs` after the first try. */
export async function listenPatiently<S>(
  wanted: WantedPort,
  attempt: () => Promise<Attempt<S>>,
  patienceMs = PORT_WAIT_MS,
): Promise<Listened<S>> {
  const { setting, host, port, stopped } = wanted;
  const place = `${setting}: ${net.isIPv6(host) ? `[${host}]` : host}:${port}`;
  const deadlineMs = performance.now() + patienceMs;
  for (let tries = 0; stopped?.aborted !== true; tries++) {
    const tried = await attempt();
    if (tried.ok) return tried;
    if (tried.code !== 'EADDRINUSE')
      return { ok: false, error: `${place} cannot be listened on: ${tried.code}` };
    if (await isAnswered(host, port))
      return {
        ok: false,
        error: `${place} is taken: another server listens there. Stop it, or set another port`,
      };
    if (performance.now() > deadlineMs)
      return { ok: false, error: `${place} is taken by a connection, still after ${patienceMs / 1000} s` };
    if (tries === 0)
      wanted.onWaiting(
        `${place} is taken by a connection, no server listens there: waiting up to ${patienceMs / 1000} s. ` +
          'A port outside the range of outgoing connections is never taken so (net.ipv4.ip_local_port_range)',
      );
    // Cut short when stopped; what rejects then is no failure.
    await pause(LOOK_MS, undefined, { signal: stopped }).catch(() => {});
  }
  return { ok: false, error: null };
}

/** Why a listener that does not tell its error did not get the port; null when it can be had by now. */
export function whyNotListening(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen(port, host, () => probe.close(() => resolve(null)));
  });
}

function isAnswered(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    const end = (answered: boolean): void => {
      // Reset, as a connection of our own that stays in TIME_WAIT could be the next in the way.
      socket.resetAndDestroy();
      resolve(answered);
    };
    socket.setTimeout(ANSWER_WAIT_MS, () => end(true));
    socket.once('error', () => end(false));
    socket.once('connect', () => end(!isToItself(socket)));
  });
}

function isToItself({ localAddress, localPort, remoteAddress, remotePort }: net.Socket): boolean {
  return localPort === remotePort && localAddress === remoteAddress;
}
