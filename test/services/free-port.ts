/**
 * Ports for servers that are killed and come back on the same port. They lie below the range from which the kernel takes
 * the ports of outgoing connections (32768 and up), or such a connection could sit on the port while its server is down.
 */
import net from 'node:net';

const FIRST = 10_240;
const LAST = 22_240;
/** A node of a Redis Cluster also listens on its port + 10000. */
export const BUS_OFFSET = 10_000;

const handedOut = new Set<number>();

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** A port that is free on loopback, as is the one `BUS_OFFSET` above it. This process is never told the same twice. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    if ((await isFree(port)) && (await isFree(port + BUS_OFFSET))) return port;
  }
  throw new Error('no free port on 127.0.0.1');
}
