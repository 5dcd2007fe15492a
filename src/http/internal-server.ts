/** Health and metrics, on a port of their own that is never the public one. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Attempt, type Listened, listenPatiently, type WantedPort } from './port-wait.ts';

export interface Readiness {
  readonly ready: boolean;
  /** What is not as it should be, by name. */
  readonly checks: Readonly<Record<string, string>>;
}

export interface InternalServerOptions extends Omit<WantedPort, 'setting'> {
  readonly readiness: () => Readiness;
  readonly metrics: { readonly contentType: string; text(): Promise<string> } | null;
}

export interface InternalServer {
  readonly port: number;
  close(): Promise<void>;
}

export function listenInternal(options: InternalServerOptions): Promise<Listened<InternalServer>> {
  return listenPatiently({ ...options, setting: 'INTERNAL_PORT' }, () => tryToListen(options));
}

async function tryToListen(options: InternalServerOptions): Promise<Attempt<InternalServer>> {
  const server = http.createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      response.writeHead(500, { 'Content-Type': 'text/plain' }).end(String(error));
    });
  });
  const code = await new Promise<string | null>((resolve) => {
    const onError = (error: NodeJS.ErrnoException): void => resolve(error.code ?? error.message);
    server.once('error', onError);
    server.listen(options.port, options.host, () => {
      server.off('error', onError);
      resolve(null);
    });
  });
  if (code !== null) return { ok: false, code };
  return {
    ok: true,
    server: {
      port: (server.address() as AddressInfo).port,
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    },
  };
}

async function answer(
  options: InternalServerOptions,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const path = request.url?.split('?')[0];
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end();
  } else if (path === '/healthz') {
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"status":"ok"}');
  } else if (path === '/readyz') {
    const { ready, checks } = options.readiness();
    response
      .writeHead(ready ? 200 : 503, { 'Content-Type': 'application/json' })
      .end(JSON.stringify({ status: ready ? 'ready' : 'not_ready', checks }));
  } else if (path === '/metrics' && options.metrics !== null) {
    response
      .writeHead(200, { 'Content-Type': options.metrics.contentType })
      .end(await options.metrics.text());
  } else {
    response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"status":"not found"}');
  }
}
