/** The public port: uWebSockets.js with the claim routes, the live socket, and the router for everything else. */
import type { LiveSocket } from '../live/live-socket.ts';
import type { ClaimRoutes } from './claim-routes.ts';
import {
  type Attempt,
  type Listened,
  listenPatiently,
  type WantedPort,
  whyNotListening,
} from './port-wait.ts';
import type { Router } from './router.ts';
import { loadUws } from './uws.ts';
import type { TemplatedApp, us_listen_socket } from './uws-types.ts';

export interface PublicServerOptions extends Omit<WantedPort, 'setting'> {
  readonly claims: ClaimRoutes;
  readonly live: LiveSocket;
  readonly router: Router;
}

export interface PublicServer {
  readonly port: number;
  readonly app: TemplatedApp;
  /** No new connections. */
  stopListening(): void;
  /** Ends every connection. */
  close(): void;
}

/** The app must exist before the live socket can publish, so it comes in made. */
export function listenPublic(
  app: TemplatedApp,
  options: PublicServerOptions,
): Promise<Listened<PublicServer>> {
  options.claims.mount(app);
  options.live.mount(app);
  options.router.mount(app);
  return listenPatiently({ ...options, setting: 'PORT' }, () => tryToListen(app, options.host, options.port));
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
      app,
      stopListening,
      close: () => {
        stopListening();
        app.close();
      },
    },
  };
}
