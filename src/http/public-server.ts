/**
 * The public port. Connections are accepted here, in one thread, because the port is this process's alone, and handed out
 * evenly to the apps of the threads that serve them. Where no thread is up, there is an answer from here.
 */
import { problem } from '../problems.ts';
import { writeProblem } from './claim-answers.ts';
import {
  type Attempt,
  type Listened,
  listenPatiently,
  type WantedPort,
  whyNotListening,
} from './port-wait.ts';
import { loadUws } from './uws.ts';
import type { TemplatedApp, us_listen_socket } from './uws-types.ts';

export interface PublicServer {
  readonly port: number;
  /** No new connections. */
  stopListening(): void;
  /** Ends what connections there are in this thread. */
  close(): void;
}

const NOBODY = problem('unavailable', 'The claim could not be decided; try again.');

export class PublicPort {
  private readonly app: TemplatedApp = loadUws().App();

  constructor() {
    this.app.any('/*', (res) => writeProblem(res, NOBODY, [], true));
  }

  /** A thread's app gets its share of the connections from now on. */
  add(descriptor: unknown): void {
    this.app.addChildAppDescriptor(descriptor);
  }

  /** It gets none any more; one may still be on its way. */
  remove(descriptor: unknown): void {
    this.app.removeChildAppDescriptor(descriptor);
  }

  listen(options: Omit<WantedPort, 'setting'>): Promise<Listened<PublicServer>> {
    const { host, port } = options;
    return listenPatiently({ ...options, setting: 'PORT' }, () => tryToListen(this.app, host, port));
  }
}

async function tryToListen(app: TemplatedApp, host: string, port: number): Promise<Attempt<PublicServer>> {
  const uws = loadUws();
  // Exclusive: two servers sharing a port would each get half of the crowd.
  const socket = await new Promise<us_listen_socket | false>((resolve) => {
    app.listen(host, port, uws.LIBUS_LISTEN_EXCLUSIVE_PORT, resolve);
  });
  if (socket === false) return { ok: false, code: (await whyNotListening(host, port)) ?? 'EADDRINUSE' };
  let listening: us_listen_socket | null = socket;
  const stopListening = (): void => {
    if (listening !== null) uws.us_listen_socket_close(listening);
    listening = null;
  };
  return {
    ok: true,
    server: {
      port: uws.us_socket_local_port(socket),
      stopListening,
      close: () => {
        stopListening();
        app.close();
      },
    },
  };
}
