/** The public port: uWebSockets.js with the claim routes, the live socket, and the router for everything else. */
import type { LiveSocket } from '../live/live-socket.ts';
import type { ClaimRoutes } from './claim-routes.ts';
import type { Router } from './router.ts';
import { loadUws } from './uws.ts';
import type { TemplatedApp, us_listen_socket } from './uws-types.ts';

export interface PublicServerOptions {
  readonly host: string;
  readonly port: number;
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

/** Rejects when the port cannot be had. The app must exist before the live socket can publish, so it comes in made. */
export function listenPublic(app: TemplatedApp, options: PublicServerOptions): Promise<PublicServer> {
  const uws = loadUws();
  options.claims.mount(app);
  options.live.mount(app);
  options.router.mount(app);
  return new Promise((resolve, reject) => {
    let listening: us_listen_socket | null = null;
    // Exclusive: two servers sharing a port would each get half of the crowd.
    app.listen(options.host, options.port, uws.LIBUS_LISTEN_EXCLUSIVE_PORT, (socket) => {
      if (socket === false) {
        reject(new Error(`${options.host}:${options.port} cannot be listened on; is another server there?`));
        return;
      }
      listening = socket;
      const port = uws.us_socket_local_port(socket);
      const stopListening = (): void => {
        if (listening !== null) uws.us_listen_socket_close(listening);
        listening = null;
      };
      resolve({
        port,
        app,
        stopListening,
        close: () => {
          stopListening();
          app.close();
        },
      });
    });
  });
}
