import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { isMysqlOutage } from '../../src/records/mysql/failures.ts';
import { type MysqlStore, openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import { type Database, type MysqlServer, newDatabase, startMysql } from '../services/mysql.ts';
import { seeded } from '../support/random.ts';
import { query } from '../support/rows.ts';
import { CouponRace, type RaceOptions } from './coupon-race.ts';
import { faultsAfter, figuresOf, type RaceFigures } from './coupon-race-check.ts';
import { CouponStage } from './coupon-stage.ts';
import { LossyProxy } from './lossy-proxy.ts';

const LONG = process.env.LONG !== undefined;
const FOR_MS = LONG ? 60_000 : 1_500;
const CHANGES = 200;
/** What is lost, by turns: the answer to a commit leaves most in the dark. */
const LOST = ['COMMIT', 'UPDATE coupons', 'COMMIT', 'INSERT INTO coupon_events', 'FOR UPDATE', 'COMMIT'];

let server: MysqlServer;
let database: Database;
let stores: MysqlStore[];

beforeAll(async () => {
  server = await startMysql();
});
afterAll(() => server.stop());
beforeEach(async () => {
  database = await newDatabase(server.url);
  stores = [];
});
afterEach(async () => {
  await Promise.all(stores.map((one) => one.close()));
  await database.drop();
});

async function stageAt(url: string): Promise<CouponStage> {
  const store = await openMysqlStore(url);
  stores.push(store);
  return new CouponStage(store);
}

/** Since the server was started. */
async function deadlocks(): Promise<number> {
  const rows = await query(server.url, "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'");
  return Number(rows[0]?.Value ?? 0);
}

async function run(name: string, url: string, options: Partial<RaceOptions> = {}): Promise<RaceFigures> {
  const before = await deadlocks();
  const race = new CouponRace({
    stage: await stageAt(url),
    random: seeded(name),
    forMs: FOR_MS,
    changes: CHANGES,
    ...options,
  });
  await race.run();
  const figures = figuresOf(race);
  console.log(
    `${name}:`,
    JSON.stringify({ ...figures, deadlocks: Math.max(0, (await deadlocks()) - before) }),
  );
  expect(race.failures).toEqual([]);
  expect(figures.changed).toBeGreaterThanOrEqual(CHANGES);
  const faults = await faultsAfter(race, await stageAt(database.url), (sql) => query(database.url, sql));
  expect(faults.slice(0, 10)).toEqual([]);
  return figures;
}

test('64 clients at the same few coupons: nobody is told what is not so (MySQL)', async () => {
  const figures = await run('race, MySQL', database.url);
  expect(figures.slowestMs).toBeLessThan(5_000);
});

test('the same while connections break with answers on their way', async () => {
  const { proxy, url } = await LossyProxy.before(database.url);
  try {
    let turn = 0;
    const make = () => proxy.loseNext(LOST[turn++ % LOST.length]!);
    await run('race, answers lost', url, { fault: { every: 20, make }, mayFail: isMysqlOutage });
    expect(proxy.lost).toBeGreaterThan(5);
  } finally {
    await proxy.close();
  }
});

if (LONG)
  test('the same while the server is killed', async () => {
    let restarting: Promise<void> | null = null;
    let kills = 0;
    const make = () => {
      restarting ??= (async () => {
        kills++;
        await server.kill();
        await server.start();
        restarting = null;
      })();
    };
    await run('race, server killed', database.url, { fault: { every: 4000, make }, mayFail: isMysqlOutage });
    if (restarting !== null) await restarting;
    expect(kills).toBeGreaterThan(2);
  });
