/** Fixed ports: a killed server comes back on them at once, a second one is refused, what only is in the way is waited for. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net, { type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../services/free-port.ts';
import { CLI, newDataDir, runServe, type Server, startServer } from '../support/server.ts';
import { until, within } from '../support/wait.ts';

/** Far below the minute for which an ended connection may keep a port, and enough on a busy machine. */
const AGAIN_MS = 15_000;
const CONNECTIONS = 50;
const SETTINGS = ['PORT', 'INTERNAL_PORT'] as const;

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function owned(server: Server): Server {
  cleanups.push(() => server.destroy());
  return server;
}

function dataDir(): string {
  const made = newDataDir();
  cleanups.push(() => fs.rmSync(made, { recursive: true, force: true }));
  return made;
}

async function fixedPorts(): Promise<{ PORT: string; INTERNAL_PORT: string }> {
  return { PORT: String(await freePort()), INTERNAL_PORT: String(await freePort()) };
}

/** Connections that have had an answer each, and stay open. */
async function connected(port: number, path: string): Promise<void> {
  const sockets = Array.from({ length: CONNECTIONS }, () => net.connect(port, '127.0.0.1'));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(
    sockets.map(async (socket) => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: test\r\nX-User-Id: 1\r\n\r\n`);
      const [answer] = await once(socket, 'data');
      expect(String(answer)).toMatch(/^HTTP\/1\.1 200 /);
      socket.resume().on('error', () => {});
    }),
  );
}

describe('a killed server', () => {
  test('serves on its ports again at once, whatever its connections had', async () => {
    const env = await fixedPorts();
    const home = dataDir();
    let server = owned(await startServer({ dataDir: home, env }));
    for (let round = 0; round < 3; round++) {
      await connected(server.port, '/v1/me/claimable');
      await connected(server.internalPort, '/healthz');
      await server.kill();
      server = owned(await within(startServer({ dataDir: home, env }), 'it serves again', AGAIN_MS));
      expect((await server.internal('/readyz')).status).toBe(200);
    }
  });
});

describe.each(SETTINGS)('%s of a living server', (setting) => {
  test('is refused to a second one, also when the first stands still', async () => {
    const first = owned(await startServer({ env: await fixedPorts() }));
    const port = String(setting === 'PORT' ? first.port : first.internalPort);
    const refusal = new RegExp(`${setting}: 127\\.0\\.0\\.1:${port} is taken: another server`);
    const second = await within(runServe(dataDir(), { [setting]: port }), 'the second is refused');
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(refusal);
    first.freeze();
    cleanups.push(() => first.thaw());
    const third = await within(runServe(dataDir(), { [setting]: port }), 'the third is refused');
    expect(third.stderr).toMatch(refusal);
    expect(third.code).toBe(1);
  });

  test('goes to one of those that start at once', async () => {
    const port = String(await freePort());
    const starts = await Promise.allSettled(
      [1, 2, 3].map(() => startServer({ dataDir: dataDir(), env: { [setting]: port } })),
    );
    const served = starts.flatMap((start) => (start.status === 'fulfilled' ? [owned(start.value)] : []));
    const refused = starts.flatMap((start) => (start.status === 'rejected' ? [String(start.reason)] : []));
    expect(served).toHaveLength(1);
    for (const reason of refused) expect(reason).toContain(`${setting}: 127.0.0.1:${port} is taken`);
  });
});

describe('a port that an outgoing connection was given', () => {
  /** Somebody to be connected to. */
  let peer: net.Server;
  beforeAll(async () => {
    peer = net.createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    await once(peer, 'listening');
    return () => peer.close();
  });

  /** On a port that no other connection has: the kernel gives the same one to several that go to different places. */
  async function outgoing(): Promise<Socket> {
    for (;;) {
      const socket = net.connect((peer.address() as AddressInfo).port, '127.0.0.1');
      await once(socket, 'connect');
      cleanups.push(() => socket.destroy());
      if (connectionsOn(socket.localPort!) === 1) return socket;
    }
  }

  test.each(SETTINGS)('is waited for as %s, with a word in the log', async (setting) => {
    const socket = await outgoing();
    const { localPort } = socket;
    const log: Record<string, unknown>[] = [];
    const starting = startServer({ dataDir: dataDir(), env: { [setting]: String(localPort) }, log });
    await Promise.race([starting, until(() => log.some(isWaiting(setting)), 'the log tells of it')]);
    // A reset leaves nothing behind; a connection that ends by the book would still be there for a minute.
    socket.resetAndDestroy();
    const server = owned(await starting);
    expect(setting === 'PORT' ? server.port : server.internalPort).toBe(localPort);
    expect((await server.internal('/readyz')).status).toBe(200);
    expect(log.filter(isWaiting(setting))).toHaveLength(1);
  });

  test('SIGTERM ends the waiting', async () => {
    const { localPort } = await outgoing();
    const env = { PATH: process.env.PATH, DATA_DIR: dataDir(), PORT: String(localPort), INTERNAL_PORT: '0' };
    const child: ChildProcess = spawn(process.execPath, [CLI, 'serve'], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    cleanups.push(() => child.kill('SIGKILL'));
    let stderr = '';
    child.stderr!.on('data', (chunk) => {
      stderr += chunk;
    });
    const exited = once(child, 'close');
    await until(
      () => stderr.includes('no server listens there'),
      () => stderr,
    );
    child.kill('SIGTERM');
    expect((await within(exited, 'it ends'))[0]).toBe(0);
    expect(stderr).toContain('"msg":"stopped"');
  });
});

/** Those that have ended and are still remembered included. */
function connectionsOn(port: number): number {
  const local = new RegExp(`^ *\\d+: [0-9A-F]+:${port.toString(16).toUpperCase().padStart(4, '0')} `, 'gm');
  return ['tcp', 'tcp6']
    .map((table) => fs.readFileSync(`/proc/net/${table}`, 'utf8').match(local)?.length ?? 0)
    .reduce((sum, count) => sum + count);
}

function isWaiting(setting: string): (entry: Record<string, unknown>) => boolean {
  return ({ level, msg }) => level === 'warn' && String(msg).startsWith(`${setting}: 127.0.0.1:`);
}
