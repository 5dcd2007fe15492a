/** `doorbuster node` as a process, against a fresh database. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type MysqlStore, openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import { type Database, newDatabase } from '../services/mysql.ts';
import { type Outcome, runCli } from '../support/server.ts';

let database: Database;
let store: MysqlStore;

beforeAll(async () => {
  database = await newDatabase();
  store = await openMysqlStore(database.url);
});

afterAll(async () => {
  await store.close();
  await database.drop();
});

const node = (...args: string[]): Promise<Outcome> => runCli(['node', ...args], { MYSQL_URL: database.url });

async function openShard(shard: number): Promise<number> {
  await store.ensureShards(16);
  const taken = await store.takeRebuild(shard, 'builder', 10_000);
  if (taken.kind !== 'taken') throw new Error(taken.kind);
  expect(await store.openShard(shard, 'builder', taken.incarnation)).toBe(true);
  return taken.incarnation;
}

test('without a database there are no nodes', async () => {
  const { code, stderr } = await runCli(['node', 'list']);
  expect(code).toBe(2);
  expect(stderr).toContain('MYSQL_URL is not set');
});

test('lists nodes with the shards they are needed for', async () => {
  expect((await node('list')).stdout).toBe('no node has registered yet\n');
  await store.registerNode('alpha', 'start-1', 'host-a');
  await store.registerNode('beta', 'start-1', 'host-b');
  expect(await store.joinShard(5, 'alpha', await openShard(5))).toBe(true);
  const { code, stdout } = await node('list');
  expect(code).toBe(0);
  expect(stdout).toMatch(/alpha +host-a +up +\d+ s ago +5\n/);
  expect(stdout).toMatch(/beta +host-b +up +\d+ s ago +-\n/);
  const json = JSON.parse((await node('list', '--json')).stdout);
  expect(json).toMatchObject([
    { nodeId: 'alpha', shards: [5] },
    { nodeId: 'beta', shards: [] },
  ]);
});

test('forgets only who is gone, or who must be, and says what may be lost', async () => {
  const alive = await node('forget', 'alpha', '--yes');
  expect(alive.code).toBe(1);
  expect(alive.stderr).toContain('may be serving');
  expect((await store.members()).length).toBe(1);

  const unasked = await node('forget', 'alpha', '--force');
  expect(unasked.code).toBe(2);
  expect(unasked.stderr).toContain('--yes');
  expect((await store.members()).length).toBe(1);

  const forced = await node('forget', 'alpha', '--force', '--yes');
  expect(forced.code).toBe(0);
  expect(forced.stdout).toContain('claims of shards 5');
  expect(await store.members()).toEqual([]);
  expect(await store.registerNode('alpha', 'start-2', 'host-a')).toBe('forgotten');
  expect((await node('forget', 'alpha', '--yes')).stdout).toContain('already');

  await store.nodeStopped('beta', 'start-1');
  expect((await node('forget', 'beta', '--yes')).stdout).toContain('nothing is lost');
  expect((await node('forget', 'nobody', '--yes')).code).toBe(1);
});

test('forgetting the node of the profile single lets another one be bound', async () => {
  await store.registerNode('only', 'start-1', 'host-c');
  await store.keepFact('installation', 'here');
  await store.admitNode('only', 'single');
  expect(await store.admitNode('other', 'single')).toEqual({ kind: 'bound', nodeId: 'only' });
  await store.nodeStopped('only', 'start-1');
  const { code, stdout } = await node('forget', 'only', '--yes');
  expect(code).toBe(0);
  expect(stdout).toContain('profile single');
  expect(await store.admitNode('other', 'single')).toEqual({ kind: 'admitted' });
});
