/** Events of a real server: over HTTP, followed on the command line, and in the Redis stream across kills. */

import { type ChildProcess, spawn } from 'node:child_process';
import net from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { RedisServer } from '../services/redis.ts';
import { firsts, ofCoupons, streamOf } from '../support/event-stream.ts';
import { clusterEnv, Node, singleEnv } from '../support/nodes.ts';
import { query } from '../support/rows.ts';
import { newTemplate } from '../support/sales.ts';
import { ADMIN_TOKEN, CLI, newDataDir, runCli, type Server, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { ownRedis, someDatabase } from './faults/fault-stage.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface EventJson {
  readonly eventId: string;
  readonly couponId: string;
  readonly sequence: number;
  readonly type: string;
  readonly userId: string;
}

let orders = 0;

/** → the coupon's id. */
async function claim(server: Server, templateId: string, userId: string): Promise<string> {
  const claimed = await until(async () => {
    const response = await fetch(`http://127.0.0.1:${server.port}/v1/templates/${templateId}/claims`, {
      method: 'POST',
      headers: { 'X-User-Id': userId },
    });
    // A node hears of a template, or of a Redis that is back, a moment later.
    return (response.status === 201 || response.status === 200) && response.json();
  }, `user ${userId} claims`);
  return (claimed as { couponId: string }).couponId;
}

/** Claimed, locked and used. */
async function buy(server: Server, templateId: string, userId: string): Promise<string> {
  const couponId = await claim(server, templateId, userId);
  const order = {
    userId,
    orderId: `o${++orders}`,
    couponIds: [couponId],
    items: [{ goodsId: '1', price: 40_000, quantity: 1 }],
    use: true,
  };
  // What a killed node had not stored is stored once another one has noticed.
  await until(async () => {
    const { status } = await server.api('POST', '/v1/redemptions', order);
    return status === 201 || status === 200;
  }, `user ${userId} uses the coupon`);
  return couponId;
}

/** What became of coupons; of templates it is told once that they were published and are ready. */
async function all(server: Server, after?: string): Promise<{ items: EventJson[]; next: string }> {
  const items: EventJson[] = [];
  let next = after;
  for (;;) {
    const page = await server.must(
      200,
      'GET',
      `/v1/events?limit=7${next === undefined ? '' : `&after=${next}`}`,
    );
    items.push(...page.items.filter(({ couponId }: EventJson) => couponId !== undefined));
    next = page.next as string;
    if (page.items.length === 0) return { items, next };
  }
}

/** So much is told of templates: what is known in memory only is told a moment later. */
async function told(server: Server, events: number): Promise<void> {
  await until(async () => {
    const { items } = await server.must(200, 'GET', '/v1/events?limit=1000');
    return items.filter(({ couponId }: EventJson) => couponId === undefined).length === events;
  }, `${events} events of templates`);
}

const life = (couponId: string, userId: string) =>
  ['claimed', 'locked', 'used'].map((type, i) =>
    expect.objectContaining({ eventId: `${couponId}-${i + 1}`, couponId, userId, type, sequence: i + 1 }),
  );

/** A door that stays where it is while the server behind it restarts, on another port. */
class Door {
  target: number;
  private readonly listener: net.Server;

  private constructor(target: number) {
    this.target = target;
    this.listener = net.createServer((socket) => {
      const behind = net.connect(this.target, '127.0.0.1');
      const end = (): void => {
        socket.destroy();
        behind.destroy();
      };
      for (const one of [socket, behind]) one.on('error', end).on('close', end);
      socket.pipe(behind).pipe(socket);
    });
  }

  static async open(target: number): Promise<Door> {
    const door = new Door(target);
    await new Promise<void>((resolve) => door.listener.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => door.listener.close());
    return door;
  }

  get port(): number {
    return (this.listener.address() as net.AddressInfo).port;
  }
}

class Followed {
  readonly lines: string[] = [];
  stderr = '';
  readonly child: ChildProcess;

  constructor({ port }: Door, args: readonly string[]) {
    this.child = spawn(process.execPath, [CLI, 'events', '--follow', ...args], {
      env: {
        PATH: process.env.PATH ?? '',
        DOORBUSTER_URL: `http://127.0.0.1:${port}`,
        DOORBUSTER_TOKEN: ADMIN_TOKEN,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let rest = '';
    this.child.stdout!.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      this.lines.push(...lines);
    });
    this.child.stderr!.on('data', (chunk) => {
      this.stderr += chunk;
    });
    cleanups.push(async () => this.child.kill('SIGKILL'));
  }

  async end(): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    return ended;
  }
}

test('read in pages, from the end on, and followed across a restart of the server', async () => {
  const dataDir = newDataDir();
  let server = await startServer({ dataDir });
  cleanups.push(() => server.destroy());
  const { templateId } = await newTemplate(server);
  const first = await buy(server, templateId, '1');
  await told(server, 2);
  const { items, next } = await all(server);
  expect(items).toEqual(life(first, '1'));
  const now = await server.must(200, 'GET', '/v1/events?after=now');
  expect(now).toEqual({ items: [], next });

  const door = await Door.open(server.port);
  const follower = new Followed(door, ['--json', '--after', 'now']);
  const reader = new Followed(door, []);
  const ofTemplate = 2;
  await until(() => reader.lines.length === 3 + ofTemplate, 'the old ones are told');
  // It has asked for the end by then, or would see it again.
  let probe = 1;
  await until(async () => {
    await buy(server, templateId, String(++probe));
    return follower.lines.length > 0;
  }, 'it follows');
  await server.kill();
  await until(() => follower.stderr.includes('trying again'), 'it misses the server');
  server = await startServer({ dataDir });
  door.target = server.port;
  const last = await buy(server, templateId, String(++probe));
  await until(() => follower.lines.at(-1)?.includes(`"${last}-3"`), 'it goes on');
  await until(() => reader.lines.length === probe * 3 + ofTemplate, 'so does the other');
  const seen = follower.lines.map((line) => JSON.parse(line) as EventJson);
  const { items: stored } = await all(server);
  // Of different coupons no order is promised; of one, its whole life, but for the one it began in the middle of.
  const lives = new Map<string, number[]>();
  for (const { couponId, sequence } of seen) lives.set(couponId, [...(lives.get(couponId) ?? []), sequence]);
  // Claims of a page come before the rest of it, so that one need not be the first.
  const cut = [...lives.values()].filter(({ length }) => length < 3);
  expect(cut.length).toBeLessThanOrEqual(1);
  for (const sequences of lives.values()) expect(sequences).toEqual([1, 2, 3].slice(-sequences.length));
  expect(lives.has(last)).toBe(true);
  expect(new Set(reader.lines.map((line) => line.split(/ +/)[2]))).toEqual(
    new Set(['template-1-1', 'template-1-2', ...stored.map(({ eventId }) => eventId)]),
  );
  expect(reader.lines.slice(0, ofTemplate + 1)).toEqual([
    expect.stringMatching(/^\S+Z {2}template_published {2}template-1-1 {2}template=1$/),
    expect.stringMatching(/^\S+Z {2}codes_ready {2}template-1-2 {2}template=1 {2}stock=1000$/),
    expect.stringMatching(/^\S+Z {2}claimed {3}\d+-1 {2}user=1 {2}template=1$/),
  ]);
  expect(await follower.end()).toBe(0);
  expect(follower.stderr).toContain('to go on from here: doorbuster events --after ');

  const env = { DOORBUSTER_URL: `http://127.0.0.1:${server.port}`, DOORBUSTER_TOKEN: ADMIN_TOKEN };
  const rest = await runCli(['events', '--after', next, '--json'], env);
  expect(rest.code).toBe(0);
  expect(rest.stdout.trim().split('\n')).toHaveLength(stored.length - 3);
  const wrong = await runCli(['events', '--after', 'x'], env);
  expect([wrong.code, wrong.stderr]).toEqual([1, expect.stringContaining('after')]);
});

test('users and services are not told what became of others', async () => {
  const server = await startServer();
  cleanups.push(() => server.destroy());
  const response = await fetch(`http://127.0.0.1:${server.port}/v1/events`, {
    headers: { 'X-User-Id': '1' },
  });
  expect([401, 403]).toContain(response.status);
});

async function streamKey(mysqlUrl: string): Promise<string> {
  const [row] = await query(mysqlUrl, "SELECT value FROM facts WHERE name = 'installation'");
  return `doorbuster:${row!.value}:events`;
}

/** Every event that is stored is in the stream, in order per coupon. */
async function streamed(redis: RedisServer, key: string, server: Server): Promise<void> {
  const { items } = await all(server);
  const ids = items.map(({ eventId }) => eventId).sort();
  await until(
    async () => {
      const entries = ofCoupons(firsts(await streamOf(redis, key).catch(() => [])));
      return (
        entries.length === ids.length &&
        entries
          .map(({ eventId }) => eventId)
          .sort()
          .join() === ids.join()
      );
    },
    `all ${ids.length} events are in the stream`,
    20_000,
  );
}

test('single: the stream has every event whatever is killed', async () => {
  const redis = await ownRedis({ appendonly: true });
  const mysqlUrl = await someDatabase();
  const node = await Node.start(singleEnv({ redisUrl: redis.url, mysqlUrl }));
  cleanups.push(() => node.destroy());
  const { templateId } = await newTemplate(node.server);
  let user = 0;
  const some = async () => {
    for (let i = 0; i < 4; i++) await buy(node.server, templateId, String(++user));
  };
  await some();
  const key = await streamKey(mysqlUrl);
  await streamed(redis, key, node.server);

  await redis.kill();
  // Units are in hand: it sells on without.
  for (let i = 0; i < 4; i++) await claim(node.server, templateId, String(++user));
  await redis.restart();
  await node.healthy();
  await some();
  await streamed(redis, key, node.server);

  await some();
  await node.server.kill();
  await node.start();
  await some();
  await streamed(redis, key, node.server);
  const [reader] = await query(mysqlUrl, 'SELECT CAST(name AS CHAR) AS name, position FROM event_readers');
  expect(reader).toMatchObject({ name: 'redis-stream', position: expect.stringMatching(/^\d+-\d+/) });
});

test('cluster: one node passes events on, another takes over when it is killed', async () => {
  const redis = await ownRedis({ appendonly: true });
  const mysqlUrl = await someDatabase();
  const env = clusterEnv({ redisUrl: redis.url, mysqlUrl });
  const nodes = [await Node.start(env), await Node.start(env)] as const;
  cleanups.push(() => Promise.all(nodes.map((node) => node.destroy())));
  const { templateId } = await newTemplate(nodes[0].server);
  const key = await streamKey(mysqlUrl);
  for (let user = 1; user <= 6; user++) {
    const { server } = nodes[user % 2]!;
    await until(async () => (await server.api('GET', `/v1/templates/${templateId}`)).status === 200, 'known');
    await buy(server, templateId, String(user));
  }
  await streamed(redis, key, nodes[1].server);
  expect(ofCoupons(await streamOf(redis, key))).toHaveLength(18);
  // Both nodes have made its codes.
  await told(nodes[0].server, 2);
  // The first has begun, and has it.
  await nodes[0].server.kill();
  for (let user = 7; user <= 9; user++) await buy(nodes[1].server, templateId, String(user));
  await streamed(redis, key, nodes[1].server);
  expect(ofCoupons(await streamOf(redis, key))).toHaveLength(27);
  const ofTemplate = firsts(await streamOf(redis, key)).filter(({ couponId }) => couponId === undefined);
  expect(ofTemplate).toMatchObject([
    { eventId: `template-${templateId}-1`, type: 'template_published' },
    { eventId: `template-${templateId}-2`, type: 'codes_ready', stock: '1000' },
  ]);
});
