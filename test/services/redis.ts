/** A Redis, or a Redis Cluster, of a test's own. Nothing is kept across a kill unless `appendonly` is asked for. */
import assert from 'node:assert';
import fs from 'node:fs';
import path from 'node:path';
import { Redis } from 'ioredis';
import { until } from '../support/wait.ts';
import { findProgram } from './find-program.ts';
import { LocalServer, type LocalServerOptions, startOnFreePort } from './local-server.ts';

const CALL_MS = 5_000;

export interface RedisOptions extends LocalServerOptions {
  /** Off by default: a killed Redis comes back empty. */
  readonly appendonly?: boolean;
  readonly appendfsync?: 'always' | 'everysec';
}

/** One command over a connection of its own. */
async function callOnce(port: number, command: string, args: readonly (string | number)[]): Promise<unknown> {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    enableReadyCheck: false,
    retryStrategy: null,
    connectTimeout: CALL_MS,
    commandTimeout: CALL_MS,
  });
  // What goes wrong rejects the call; the event says it again.
  client.on('error', () => {});
  try {
    await client.connect();
    return await client.call(command, ...args);
  } finally {
    client.disconnect();
  }
}

export class RedisServer extends LocalServer {
  private readonly options: RedisOptions;

  constructor(port: number, options: RedisOptions) {
    super(port, options);
    this.options = options;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  call(command: string, ...args: (string | number)[]): Promise<unknown> {
    return callOnce(this.port, command, args);
  }

  /** Copies its data files, also while it runs: the append-only file holds every write it has answered. */
  copyData(to: string): void {
    fs.rmSync(to, { recursive: true, force: true });
    fs.cpSync(this.dir, to, { recursive: true });
  }

  /** Puts such a copy back; the server must be down, and is an older one after restart(). */
  restoreData(from: string): void {
    assert(!this.isAlive, 'kill it first');
    fs.rmSync(this.dir, { recursive: true, force: true });
    fs.cpSync(from, this.dir, { recursive: true });
  }

  /** The server must be down, and is an empty one after restart(). */
  loseData(): void {
    assert(!this.isAlive, 'kill it first');
    fs.rmSync(this.dir, { recursive: true, force: true });
  }

  /** Size of the append-only file, in bytes: what a later truncateAof() counts from. */
  aofBytes(): number {
    return fs.statSync(this.aofFile()).size;
  }

  /** Cuts the append-only file's last `bytes`, as a power cut with appendfsync everysec does; the server must be down. */
  truncateAof(bytes: number): void {
    assert(!this.isAlive, 'kill it first');
    fs.truncateSync(this.aofFile(), Math.max(0, this.aofBytes() - bytes));
  }

  private aofFile(): string {
    const folder = path.join(this.dir, 'appendonlydir');
    const name = fs.readdirSync(folder).find((one) => one.endsWith('.incr.aof'));
    assert(name !== undefined, `no append-only file in ${folder}`);
    return path.join(folder, name);
  }

  protected override prepare(): void {
    fs.mkdirSync(this.dir, { recursive: true });
  }

  protected override command(): readonly [string, readonly string[]] {
    const { appendonly = false, appendfsync = 'everysec' } = this.options;
    const args = {
      port: String(this.port),
      bind: '127.0.0.1',
      dir: this.dir,
      daemonize: 'no',
      save: '',
      appendonly: appendonly ? 'yes' : 'no',
      appendfsync,
      // One file that only grows: a copy of it is a moment of the past.
      'auto-aof-rewrite-percentage': '0',
      // By default a master waits five seconds for further replicas before it feeds the first.
      'repl-diskless-sync-delay': '0',
      'cluster-announce-ip': '127.0.0.1',
    };
    const program = findProgram(['redis-server'], 'redis-server');
    return [
      program,
      [...Object.entries(args).flatMap(([name, value]) => [`--${name}`, value]), ...this.config],
    ];
  }

  protected override async isAnswering(): Promise<boolean> {
    const info = await this.call('INFO').catch(() => '');
    return String(info).includes(`process_id:${this.pid}\r`) && String(info).includes('\nloading:0\r');
  }
}

export function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  return startOnFreePort(options.port, (port) => new RedisServer(port, options));
}

export interface RedisCluster {
  /** The masters first, then their replicas: node m + i × masters is the i-th replica of master m. */
  readonly nodes: readonly RedisServer[];
  /** Of all nodes, as a server is to be given them: the one that is killed may be any. */
  readonly url: string;
  stop(): Promise<void>;
}

const SLOTS = 16_384;
const FORM_MS = 30_000;

/**
 * Resolves when every node says cluster_state:ok and every replica follows its master. Joined by hand: `redis-cli
 * --cluster create` waits in whole seconds. A master that fails is replaced within a few seconds.
 */
export async function startRedisCluster(
  masters = 3,
  replicas = 1,
  { config = [], ...options }: Omit<RedisOptions, 'dir' | 'port'> = {},
): Promise<RedisCluster> {
  const own = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', ...config];
  const count = masters * (1 + replicas);
  const started = await Promise.allSettled(
    Array.from({ length: count }, () => startRedis({ ...options, config: own })),
  );
  const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    const failed = started.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    await join(nodes, masters);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes, url: `redis://${nodes.map(({ url }) => new URL(url).host).join(',')}`, stop };
}

async function join(nodes: readonly RedisServer[], masters: number): Promise<void> {
  const first = nodes[0]!;
  await Promise.all(
    nodes.map(async (node, at) => {
      // Different from the start, so that no two nodes have to settle a conflict.
      await node.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
      if (at < masters) {
        const from = Math.floor((SLOTS * at) / masters);
        const to = Math.floor((SLOTS * (at + 1)) / masters) - 1;
        await node.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
      }
      if (at > 0) await node.call('CLUSTER', 'MEET', '127.0.0.1', first.port);
    }),
  );
  const replicas = nodes.slice(masters);
  // A node that was only just met goes by a provisional name and cannot be followed yet: asked again until it can.
  await Promise.all(
    replicas.map(async (node, at) => {
      const master = String(await nodes[at % masters]!.call('CLUSTER', 'MYID'));
      const follows = () =>
        node.call('CLUSTER', 'REPLICATE', master).then(
          () => true,
          () => false,
        );
      await until(follows, `node ${node.port} follows its master`, FORM_MS);
    }),
  );
  const all = async (some: readonly RedisServer[], text: string, ...command: [string, ...string[]]) =>
    (await Promise.all(some.map((node) => node.call(...command)))).every((info) => `${info}`.includes(text));
  await until(() => all(nodes, 'cluster_state:ok', 'CLUSTER', 'INFO'), 'cluster_state:ok on all', FORM_MS);
  await until(() => all(replicas, 'master_link_status:up', 'INFO'), 'the replicas are in step', FORM_MS);
}
