/** A Redis that forgot, went away, stands still or is not the master: nothing may be sold from it unnoticed. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseRedisUrl } from '../../src/ledger/redis/redis-url.ts';
import {
  type ShardSeat,
  type ShardStamp,
  SINGLE_INCARNATION_MIN,
  StaleIncarnation,
} from '../../src/ports-ledger.ts';
import { type RedisServer, startRedis } from '../services/redis.ts';
import { until } from '../support/wait.ts';
import {
  batchOf,
  GENERAL,
  groupOf,
  LONG_MS,
  poolPlan,
  RedisStage,
  runOf,
  SHARD,
  TEMPLATE,
} from './redis-stage.ts';

let server: RedisServer;
let stage: RedisStage;
let stamp: ShardStamp;
let seat: ShardSeat;

beforeEach(async () => {
  server = await startRedis({ appendonly: true, appendfsync: 'always' });
  stage = new RedisStage(server.url, 300);
  await stage.connect();
  stamp = await stage.open(1, [poolPlan(1_000)]);
  seat = await stage.seat(stamp, 'a');
  await stage.ledger.lease(seat, GENERAL, 1, [], [], 100);
  await stage.commits.commit(batchOf(seat, 1, [groupOf(GENERAL, [[1, 0]], [0])]));
});
afterEach(async () => {
  await stage.stop();
  await server.stop();
});

/** Every call is refused with the same words, and leaves everything as it was. */
async function expectLost(detail: RegExp, at: ShardSeat = seat): Promise<void> {
  const { ledger, commits } = stage;
  const before = await ledger.pools(SHARD, 1);
  const lost = { kind: 'lost', detail: expect.stringMatching(detail) };
  expect(await ledger.join(at, 'b', 'b-1', LONG_MS)).toEqual(lost);
  expect(await ledger.extend(at, LONG_MS)).toEqual(lost);
  expect(await ledger.reclaim(at)).toEqual(lost);
  expect(await ledger.leave(at)).toEqual(lost);
  expect(await ledger.lease(at, GENERAL, 2, [], [], 10)).toEqual(lost);
  expect(await ledger.giveBack(at, GENERAL, 2, [], runOf(5, 6))).toEqual(lost);
  expect(await ledger.recall(at, GENERAL)).toEqual(lost);
  expect(await ledger.raise(at, TEMPLATE, 2_000)).toEqual(lost);
  expect(await ledger.fund(at, { ...GENERAL, activityId: 1 }, 5)).toEqual(lost);
  expect(await ledger.closePool(at, GENERAL)).toEqual(lost);
  expect(await commits.commit(batchOf(at, 2, [groupOf(GENERAL, [[2, 0]], [1])]))).toEqual(lost);
  expect(await commits.fenceOwner(at, 0, 9)).toEqual(lost);
  expect(await ledger.pools(SHARD, 1)).toEqual(before);
}

async function back(): Promise<void> {
  await until(() => stage.ledger.isUp() && stage.commits.isUp(), 'both connections are up');
}

describe('lost', () => {
  test('when everything was deleted', async () => {
    await server.call('FLUSHALL');
    await expectLost(/not there/);
    expect(await stage.ledger.head(SHARD, 1)).toBe(null);
  });

  test('when it comes back empty', async () => {
    await server.kill();
    await server.restart({ wipe: true });
    await back();
    await expectLost(/not there/);
  });

  test('when it comes back with all its data', async () => {
    await server.restart();
    await back();
    expect(await stage.ledger.head(SHARD, 1)).toBe(1);
    await expectLost(/restarted or replaced/);
    // What it still has can be read for the next incarnation.
    expect(await stage.ledger.read(SHARD, 1, 0, 10)).toHaveLength(40);
  });

  test('when it comes back older', async () => {
    const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-aof-'));
    server.copyData(copy);
    const second = batchOf(seat, 2, [groupOf(GENERAL, [[2, 0]], [1])]);
    expect(await stage.commits.commit(second)).toMatchObject({ head: 2 });
    await server.kill();
    server.restoreData(copy);
    fs.rmSync(copy, { recursive: true });
    await server.start();
    await back();
    expect(await stage.ledger.head(SHARD, 1)).toBe(1);
    await expectLost(/restarted or replaced/);
  });

  test('when it knows less than the caller has seen', async () => {
    await expectLost(/version 4 is older than 5/, { ...seat, version: 5 });
  });

  test('when it is sealed, also for older incarnations, and none of them opens any more', async () => {
    await stage.ledger.seal(SHARD, 3);
    await stage.ledger.seal(SHARD, 2);
    await expectLost(/sealed/);
    await expect(stage.open(3, [poolPlan(5)])).rejects.toEqual(new StaleIncarnation(3, 3));
    await stage.open(4, [poolPlan(5)]);
    await expectLost(/incarnation 4 is there/);
  });
});

describe('the next incarnation', () => {
  test('takes the place of the last, of which nothing is left', async () => {
    await server.restart();
    await back();
    await stage.ledger.seal(SHARD, 1);
    const held = [
      { templateId: TEMPLATE, userLo: 1, userHi: 0x7000_0001, serial: 0, activityId: 0, keyLo: 0, keyHi: 0 },
    ];
    const next = await stage.open(2, [{ ...poolPlan(1_000), free: runOf(1, 1_000) }], held);
    const b = await stage.seat(next, 'b');
    await stage.ledger.lease(b, GENERAL, 1, [], [], 10);
    const again = batchOf(b, 1, [groupOf(GENERAL, [[1, 0]], [1])]);
    const answer = await stage.commits.commit(again);
    expect(answer.kind === 'committed' && [...answer.verdicts, ...answer.serials]).toEqual([2, 0]);
    const keys = (await server.call('KEYS', '*')) as string[];
    expect(keys.filter((key) => key.includes('}:1:'))).toEqual([]);
  });

  test('of the other profile takes its place too, whatever its number, and nothing of that is left', async () => {
    const time = SINGLE_INCARNATION_MIN + 5;
    await stage.open(time, [poolPlan(5)]);
    await expect(stage.open(time, [poolPlan(5)])).rejects.toEqual(new StaleIncarnation(time, time));
    await expect(stage.open(time - 1, [poolPlan(5)])).rejects.toThrow(`comes after ${time}`);
    await stage.open(2, [poolPlan(5)]);
    const keys = (await server.call('KEYS', '*')) as string[];
    expect(keys.filter((key) => key.includes('}:1:') || key.includes(`}:${time}:`))).toEqual([]);
    await stage.open(time - 1, [poolPlan(5)]);
  });

  test('is not opened when what was loaded is gone, the server another one, or the number no new one', async () => {
    async function* meanwhile(what: () => Promise<unknown>) {
      yield [];
      await what();
    }
    const { ledger } = stage;
    const flushed = ledger.open(
      SHARD,
      2,
      [poolPlan(5)],
      meanwhile(() => server.call('FLUSHALL')),
    );
    await expect(flushed).rejects.toThrow('gone');
    await ledger.open(
      SHARD,
      3,
      [poolPlan(5)],
      meanwhile(async () => {}),
    );
    await expect(
      ledger.open(
        SHARD,
        3,
        [poolPlan(5)],
        meanwhile(async () => {}),
      ),
    ).rejects.toEqual(new StaleIncarnation(3, 3));
    const restarted = async () => {
      await server.restart();
      await back();
    };
    await expect(ledger.open(SHARD, 4, [poolPlan(5)], meanwhile(restarted))).rejects.toThrow('restarted');
    const overtaken = ledger.open(
      SHARD,
      5,
      [poolPlan(5)],
      meanwhile(() => stage.open(6, [poolPlan(5)])),
    );
    await expect(overtaken).rejects.toThrow('STALE');
    expect(await ledger.head(SHARD, 6)).toBe(0);
  });
});

describe('the connection', () => {
  test('a server that is gone is down at once, and notices come again once it is back', async () => {
    await server.kill();
    await until(() => !stage.ledger.isUp(), 'down');
    await expect(stage.ledger.extend(seat, LONG_MS)).rejects.toThrow('not reachable');
    await server.start();
    await back();
    expect(stage.transitions).toEqual(['up', 'down', 'up']);
    const next = await stage.open(2, [poolPlan(5)]);
    await until(async () => {
      await stage.ledger.recall(next, GENERAL);
      return stage.notices.some(({ kind }) => kind === 'recall');
    }, 'a notice comes');
  });

  test('a server that stands still: calls reject in time, and it is down until it moves', async () => {
    await server.freeze();
    const beganMs = performance.now();
    await expect(stage.ledger.extend(seat, LONG_MS)).rejects.toThrow();
    expect(performance.now() - beganMs).toBeLessThan(5_000);
    await until(() => !stage.ledger.isUp(), 'down');
    await server.thaw();
    await back();
    expect(await stage.ledger.extend(seat, LONG_MS)).toMatchObject({ kind: 'done' });
  });

  test('a master that becomes a replica is down', async () => {
    const other = await startRedis();
    await server.call('REPLICAOF', '127.0.0.1', other.port);
    await expect(stage.ledger.extend(seat, LONG_MS)).rejects.toThrow();
    await until(() => !stage.ledger.isUp(), 'down');
    const words = () => stage.ledger.extend(seat, LONG_MS).then(String, String);
    await until(async () => (await words()).includes('replica'), 'it says why');
    expect(stage.ledger.isUp()).toBe(false);
    await other.stop();
  });

  test('a master that was a replica once has lost nothing when it forgets of whom', async () => {
    const other = await startRedis();
    await server.call('CONFIG', 'SET', 'repl-backlog-ttl', '1');
    await server.call('REPLICAOF', '127.0.0.1', other.port);
    const replication = async () => String(await server.call('INFO', 'replication'));
    await until(async () => (await replication()).includes('master_link_status:up'), 'it follows');
    await server.call('REPLICAOF', 'NO', 'ONE');
    await back();
    const next = await stage.open(9, [poolPlan(5)]);
    await until(async () => /master_replid2:0{40}/.test(await replication()), 'it has forgotten');
    const after = await stage.seat(next, 'b');
    expect(await stage.ledger.lease(after, GENERAL, 1, [], [], 5)).toMatchObject({ kind: 'granted' });
    await other.stop();
  });

  test('scripts that the server forgot are sent again', async () => {
    await server.call('SCRIPT', 'FLUSH');
    expect(await stage.ledger.extend(seat, LONG_MS)).toMatchObject({ kind: 'done' });
    await server.call('SCRIPT', 'FLUSH');
    const batch = batchOf(seat, 2, [groupOf(GENERAL, [[2, 0]], [1])]);
    expect(await stage.commits.commit(batch)).toMatchObject({ kind: 'committed', head: 2 });
  });

  test('a commit counts only once enough replicas have it', async () => {
    const strict = new RedisStage(server.url, 600, 1);
    await strict.connect();
    const next = await strict.open(1, [poolPlan(100)]);
    const b = await strict.seat(next, 'b');
    await strict.ledger.lease(b, GENERAL, 1, [], [], 10);
    const batch = batchOf(b, 1, [groupOf(GENERAL, [[2, 0]], [0])]);
    await expect(strict.commits.commit(batch)).rejects.toThrow('0 of 1 replicas');
    const replica = await startRedis();
    await replica.call('REPLICAOF', '127.0.0.1', server.port);
    await until(async () => String(await replica.call('INFO')).includes('master_link_status:up'), 'in step');
    // The same batch again: its verdicts, and at last they are safe.
    const repeated = await until(() => strict.commits.commit(batch).catch(() => false), 'the replica has it');
    expect(repeated).toMatchObject({ kind: 'committed', head: 1 });
    const more = batchOf(b, 2, [groupOf(GENERAL, [[3, 0]], [1])]);
    await until(() => strict.commits.commit(more).catch(() => false), 'the replica has that, too');
    expect(await replica.call('HGET', `{doorbuster:${strict.installation}:${SHARD}}:meta`, 'head')).toBe('2');
    await strict.stop();
    await replica.stop();
  });

  test('the URL names hosts, who asks, and a cluster', () => {
    expect(parseRedisUrl('rediss://me:a%40b@h1:1,[::1]:2/3?cluster=1')).toEqual({
      hosts: [
        { host: 'h1', port: 1 },
        { host: '::1', port: 2 },
      ],
      username: 'me',
      password: 'a@b',
      db: 3,
      tls: true,
      cluster: true,
    });
    expect(parseRedisUrl('redis://h')).toMatchObject({ hosts: [{ host: 'h', port: 6379 }], cluster: false });
    expect(() => parseRedisUrl('http://h')).toThrow('looks like');
  });
});
