/** What the store makes of deadlocks, lost connections, servers that do not answer, and answers that are lost. */
import { setTimeout as pause } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { couponId } from '../../src/domain/coupon-id.ts';
import { type MysqlStore, openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import type { MysqlOptions } from '../../src/records/mysql/pool.ts';
import { MIGRATIONS } from '../../src/records/mysql/schema.ts';
import { Session } from '../../src/records/mysql/session.ts';
import { type Database, type MysqlServer, newDatabase, startMysql } from '../services/mysql.ts';
import { until } from '../support/wait.ts';
import { batchOf, type Claim } from './batches.ts';
import { LossyProxy } from './lossy-proxy.ts';
import { activity, template } from './samples.ts';

const NOW_MS = 1_790_000_000_000;
const EXTENT = { firstSerial: 0, length: 5000, spaces: [{ space: '0703101112', size: 10_000 }] };
const MARK = { scope: 's', key: 'k', fingerprint: 'f' };

let server: MysqlServer;
let database: Database;
let rival: mysql.Connection;
let stores: MysqlStore[];
let store: MysqlStore;
let templateId: number;

beforeAll(async () => {
  server = await startMysql();
});

afterAll(() => server.stop());

beforeEach(async () => {
  database = await newDatabase(server.url);
  stores = [];
  store = await open();
  rival = await mysql.createConnection(database.url);
  const saved = await store.saveTemplate(template(), EXTENT, null);
  templateId = saved.kind === 'saved' ? saved.value.id : 0;
});

afterEach(async () => {
  rival.destroy();
  await Promise.all(stores.map((one) => one.close()));
  await database.drop();
});

async function open(options: MysqlOptions = {}, url = database.url): Promise<MysqlStore> {
  const one = await openMysqlStore(url, options);
  stores.push(one);
  return one;
}

const claim = (serial: number, user = '7'): Claim => ({ templateId, serial, user, atMs: NOW_MS });
const claims = (from: number, count: number): Claim[] =>
  Array.from({ length: count }, (_, i) => claim(from + i));

async function count(sql: string): Promise<number> {
  const [rows] = await rival.query<mysql.RowDataPacket[]>(sql);
  return Number(Object.values(rows[0])[0]);
}

/** Ids of connections whose statement waits and looks like that. */
async function waiting(like: string): Promise<number[]> {
  const [rows] = await rival.query<mysql.RowDataPacket[]>(
    `SELECT id FROM information_schema.processlist WHERE db = ? AND command <> 'Sleep' AND info LIKE ? AND id <> CONNECTION_ID()`,
    [new URL(database.url).pathname.slice(1), like],
  );
  return rows.map(({ id }) => Number(id));
}

/** ER_NO_SUCH_THREAD */
const NO_SUCH_THREAD = 1094;

/** Kills the store's connection while its statement waits for something that the rival holds. */
async function killWaiting(like: string): Promise<void> {
  // One that has ended since it was seen is no longer there to be killed: then for the next.
  const kill = (id: number): Promise<boolean> =>
    rival.query(`KILL CONNECTION ${id}`).then(
      () => true,
      (error: { errno?: number }) => {
        if (error.errno === NO_SUCH_THREAD) return false;
        throw error;
      },
    );
  await until(async () => {
    let killed = 0;
    for (const id of await waiting(like)) if (await kill(id)) killed++;
    return killed > 0;
  }, `a statement like ${like} waits`);
}

/** Holds coupon `serial` without ever committing it. */
async function holdCoupon(serial: number): Promise<void> {
  await rival.query('START TRANSACTION');
  await rival.query(
    `INSERT INTO coupons (id, user_id, template_id, activity_id, code, claimed_at, valid_from, valid_until)
     VALUES (?, 1, 1, 0, 'x', 1, 1, 1)`,
    [couponId(templateId, serial)],
  );
}

describe('rows', () => {
  const loads = () =>
    count("SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'COM_LOAD'");

  afterEach(() => rival.query('SET GLOBAL local_infile = 1'));

  test('go in by LOAD DATA, and those of a batch with known claims by INSERT', async () => {
    const before = await loads();
    const first = batchOf(1, 0, claims(0, 3000));
    expect(await store.commitClaims(first)).toMatchObject({ kind: 'committed' });
    expect(await loads()).toBe(before + 1);
    const second = batchOf(1, first.toOffset, [claim(2999), claim(3000)]);
    expect(await store.commitClaims(second)).toMatchObject({ kind: 'committed' });
    expect(await count('SELECT COUNT(*) FROM coupons')).toBe(3001);
  });

  test('go in by INSERT once the server has refused LOAD DATA', async () => {
    await rival.query('SET GLOBAL local_infile = 0');
    const first = batchOf(1, 0, claims(0, 3000));
    expect(await store.commitClaims(first)).toEqual({ kind: 'committed' });
    await rival.query('SET GLOBAL local_infile = 1');
    const before = await loads();
    await store.commitClaims(batchOf(1, first.toOffset, [claim(3000)]));
    expect(await loads()).toBe(before);
    expect(await count('SELECT COUNT(*) FROM coupons')).toBe(3001);
  });

  test('go in by INSERT where LOAD DATA is off from the start', async () => {
    await rival.query('SET GLOBAL local_infile = 0');
    const other = await open();
    const before = await loads();
    expect(await other.commitClaims(batchOf(1, 0, claims(0, 10)))).toEqual({ kind: 'committed' });
    expect(await loads()).toBe(before);
  });

  test('keep codes with quotes and backslashes by both ways', async () => {
    const space = `A'\\"%_${'#'.repeat(6)}|'\\"%_0123456789`;
    const extent = { firstSerial: 0, length: 100, spaces: [{ space, size: 10_000 }] };
    const saved = await store.saveTemplate(template({ name: 'Odd' }), extent, null);
    const odd = saved.kind === 'saved' ? saved.value.id : 0;
    const batch = (logId: number, serial: number) =>
      batchOf(logId, 0, [{ templateId: odd, serial, user: '1', code: 12_345, atMs: NOW_MS }]);
    const byInsert = await open({ loadData: false });
    expect(await store.commitClaims(batch(1, 0))).toEqual({ kind: 'committed' });
    expect(await byInsert.commitClaims(batch(2, 1))).toEqual({ kind: 'committed' });
    const [one, two] = [await store.coupon(couponId(odd, 0)), await store.coupon(couponId(odd, 1))];
    expect(one!.code).toMatch(/^A'\\"%_.{6}$/);
    expect(two!.code).toBe(one!.code);
  });
});

describe('a commit', () => {
  test('that meets a deadlock is made again', async () => {
    await store.commitClaims(batchOf(1, 0, [claim(0)]));
    const { offset } = (await store.watermarks())[0];
    await rival.query('CREATE TABLE weight (n INT PRIMARY KEY)');
    await holdCoupon(1);
    // The lighter transaction is the one that is ended.
    const numbers = Array.from({ length: 2000 }, (_, i) => `(${i})`).join();
    await rival.query(`INSERT INTO weight VALUES ${numbers}`);
    const committed = store.commitClaims(batchOf(1, offset, [claim(1)]));
    await until(async () => (await waiting('LOAD DATA%')).length > 0, 'the commit waits');
    await rival.query('UPDATE watermarks SET log_offset = log_offset WHERE log_id = 1');
    await rival.query('ROLLBACK');
    expect(await committed).toEqual({ kind: 'committed' });
    expect(await count('SELECT COUNT(*) FROM coupons')).toBe(2);
  });

  test('that waits for a lock in vain sends its statement again', async () => {
    const patient = await open({ lockWaitSeconds: 1 });
    await holdCoupon(1);
    const committed = patient.commitClaims(batchOf(1, 0, [claim(1)]));
    await pause(1_600);
    await rival.query('ROLLBACK');
    expect(await committed).toEqual({ kind: 'committed' });
  });

  test('that waits too long ends in an error, and can be made later', async () => {
    const hasty = await open({ statementTimeoutMs: 400, lockWaitSeconds: 50 });
    await holdCoupon(1);
    const startMs = performance.now();
    await expect(hasty.commitClaims(batchOf(1, 0, [claim(1)]))).rejects.toThrow('not answered within 400 ms');
    expect(performance.now() - startMs).toBeLessThan(10_000);
    await rival.query('ROLLBACK');
    await until(async () => {
      const outcome = await hasty.commitClaims(batchOf(1, 0, [claim(1)])).catch(() => null);
      return outcome?.kind === 'committed';
    }, 'the batch is committed');
    expect(await hasty.coupon(couponId(templateId, 1))).not.toBeNull();
  });

  test('whose connection is killed midway is made again', async () => {
    await holdCoupon(1);
    const committed = store.commitClaims(batchOf(1, 0, [claim(0), claim(1)]));
    await killWaiting('LOAD DATA%');
    await rival.query('ROLLBACK');
    expect(await committed).toEqual({ kind: 'committed' });
    expect(await count('SELECT COUNT(*) FROM coupons')).toBe(2);
  });

  test('killed between rows and watermark leaves nothing behind', async () => {
    const other = await mysql.createConnection(database.url);
    await other.query('LOCK TABLES claim_blocks WRITE');
    const outcome = store.commitClaims(batchOf(1, 0, claims(0, 100))).catch((error: Error) => error);
    await killWaiting('INSERT INTO claim_blocks%');
    await until(async () => (await waiting('INSERT INTO claim_blocks%')).length > 0, 'it tries again');
    expect(await count('SELECT COUNT(*) FROM coupons')).toBe(0);
    await killWaiting('INSERT INTO claim_blocks%');
    expect(await outcome).toBeInstanceOf(Error);
    expect(await count('SELECT COUNT(*) FROM coupons')).toBe(0);
    expect(await store.watermarks()).toEqual([]);
    await other.query('UNLOCK TABLES');
    other.destroy();
    expect(await store.commitClaims(batchOf(1, 0, claims(0, 100)))).toEqual({ kind: 'committed' });
    expect(await count('SELECT COUNT(*) FROM claim_blocks')).toBe(1);
  });
});

describe('an answer that is lost', () => {
  let proxy: LossyProxy;
  let behind: MysqlStore;

  beforeEach(async () => {
    const made = await LossyProxy.before(database.url);
    proxy = made.proxy;
    behind = await open({}, made.url);
  });

  afterEach(async () => {
    expect(proxy.lost).toBe(1);
    await proxy.close();
  });

  test('to a commit of claims: they are stored once and said to be', async () => {
    const batch = batchOf(1, 0, claims(0, 50));
    proxy.loseNext('COMMIT');
    expect(await behind.commitClaims(batch)).toEqual({ kind: 'committed' });
    expect(await count('SELECT COUNT(*) FROM coupons')).toBe(50);
    expect(await store.watermarks()).toEqual([{ logId: 1, offset: batch.toOffset }]);
  });

  test('to a create with a mark: it is the one that was created', async () => {
    proxy.loseNext('COMMIT');
    const saved = await behind.saveTemplate(template({ name: 'Once' }), EXTENT, MARK);
    expect(saved).toMatchObject({ kind: 'saved', value: { name: 'Once' }, extent: { length: 5000 } });
    expect((await store.templates()).filter(({ name }) => name === 'Once').length).toBe(1);
    expect((await store.extents()).length).toBe(2);
  });

  test('to a create without a mark: nobody knows', async () => {
    proxy.loseNext('COMMIT');
    await expect(behind.saveTemplate(template({ name: 'Once' }), null, null)).rejects.toThrow();
  });

  test('to many creates: they are those that were created, and a name is still taken once', async () => {
    const list = ['One', 'Two', 'One', 'Three'].map((name) => template({ name, status: 'draft' }));
    proxy.loseNext('COMMIT');
    const ids = await behind.addTemplates(list);
    expect(ids.map((id) => id === null)).toEqual([false, false, true, false]);
    const stored = (await store.templates()).filter(({ status }) => status === 'draft');
    expect(stored).toEqual(ids.flatMap((id, i) => (id === null ? [] : [{ ...list[i]!, id }])));
  });

  test('to a change: it is made', async () => {
    const next = template({ id: templateId, total: 6000, version: 2 });
    proxy.loseNext('COMMIT');
    const more = { ...EXTENT, firstSerial: 5000, length: 1000 };
    expect(await behind.saveTemplate(next, more, null)).toMatchObject({
      kind: 'saved',
      value: { version: 2 },
      extent: { firstSerial: 5000 },
    });
  });

  test('to a change of an activity: it is made', async () => {
    const saved = await store.saveActivity(activity({ id: 0, templateId }), null);
    const id = saved.kind === 'saved' ? saved.value.id : 0;
    proxy.loseNext('COMMIT');
    const next = activity({ id, templateId, stock: 5, version: 2 });
    expect(await behind.saveActivity(next, MARK)).toEqual({ kind: 'saved', value: next, extent: null });
  });

  test('to the opening of a shard: it is open', async () => {
    await store.ensureShards(1);
    await store.takeRebuild(0, 'a', 60_000);
    proxy.loseNext('COMMIT');
    expect(await behind.openShard(0, 'a', 1)).toBe(true);
  });

  test('to a fill-in: nobody knows what was new', async () => {
    proxy.loseNext('COMMIT');
    await expect(behind.fillIn(1, batchOf(1, 0, [claim(1)]).entries)).rejects.toThrow();
    expect(await count('SELECT COUNT(*) FROM coupons')).toBe(1);
  });

  test('to a read: it is read again', async () => {
    proxy.loseNext('SELECT id, body FROM templates');
    expect((await behind.templates()).length).toBe(1);
  });
});

describe('a server', () => {
  test('that is frozen ends in errors in time, and is used again afterwards', async () => {
    const hasty = await open({ statementTimeoutMs: 500 });
    await server.freeze();
    try {
      const startMs = performance.now();
      const calls = [
        hasty.templates(),
        hasty.wallet({ userId: '1', status: null, nowMs: 0, after: null, limit: 1 }),
      ];
      const commits = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((logId) =>
        hasty.commitClaims(batchOf(logId, 0, [claim(logId)])),
      );
      for (const one of await Promise.allSettled([...calls, ...commits])) {
        expect(one.status).toBe('rejected');
      }
      expect(performance.now() - startMs).toBeLessThan(10_000);
    } finally {
      await server.thaw();
    }
    await until(async () => (await hasty.templates().catch(() => [])).length === 1, 'the store works again');
    await until(async () => {
      const outcome = await hasty.commitClaims(batchOf(1, 0, [claim(1)])).catch(() => null);
      return outcome !== null;
    }, 'claims are stored again');
  });

  test('that is frozen while a statement is to be prepared ends in an error in time too', async () => {
    const pool = mysql.createPool({ uri: database.url });
    const session = new Session(await pool.getConnection(), 500, false);
    await session.run('SET @one = 1');
    await server.freeze();
    try {
      const startMs = performance.now();
      await expect(session.runPrepared('SET @two = ?', [2])).rejects.toThrow(
        'has not answered within 500 ms',
      );
      expect(performance.now() - startMs).toBeLessThan(10_000);
      expect(session.isBroken).toBe(true);
    } finally {
      await server.thaw();
      session.release();
      await pool.end();
    }
  });

  test('that is restarted is used again', async () => {
    await store.commitClaims(batchOf(1, 0, [claim(0)]));
    await server.restart();
    rival.destroy();
    rival = await mysql.createConnection(database.url);
    await until(async () => (await store.templates().catch(() => [])).length === 1, 'the store works again');
    const { offset } = (await store.watermarks())[0];
    expect(await store.commitClaims(batchOf(1, offset, [claim(1)]))).toEqual({ kind: 'committed' });
  });

  test('that is gone ends in an error', async () => {
    await server.kill();
    try {
      await expect(store.templates()).rejects.toThrow();
      await expect(store.commitClaims(batchOf(1, 0, [claim(1)]))).rejects.toThrow();
      await expect(openMysqlStore(database.url)).rejects.toThrow();
    } finally {
      await server.start();
      rival.destroy();
      rival = await mysql.createConnection(database.url);
    }
  });
});

describe('the schema', () => {
  test('is made once by three nodes that start at once', async () => {
    const fresh = await newDatabase(server.url);
    const three = await Promise.all([1, 2, 3].map(() => openMysqlStore(fresh.url)));
    for (const one of three) expect(await one.templates()).toEqual([]);
    const [rows] = await rival.query<mysql.RowDataPacket[]>(
      `SELECT version FROM ${new URL(fresh.url).pathname.slice(1)}.schema_migrations ORDER BY version`,
    );
    expect(rows.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, i) => i + 1));
    await Promise.all(three.map((one) => one.close()));
    await fresh.drop();
  });

  test('that was cut off half-way is finished', async () => {
    await rival.query('DELETE FROM schema_migrations');
    await rival.query('DROP TABLE shard_members');
    const again = await open();
    expect(await again.members()).toEqual([]);
    expect((await again.templates()).length).toBe(1);
    expect(await again.changesSince(0)).toMatchObject({ sequence: 1 });
  });

  test('of a newer version is not touched', async () => {
    await rival.query('INSERT INTO schema_migrations VALUES (1000, 0)');
    await expect(openMysqlStore(database.url)).rejects.toThrow('use a newer Doorbuster');
  });
});
