/**
 * Lock and use of one coupon each, by many clients, through the store's thread as the server calls it; beside a bare
 * client that issues the same statements. MySQL with as many connections; SQLite with as many operations a transaction.
 */

import path from 'node:path';
import Database from 'libsql';
import { createPool, type Pool } from 'mysql2/promise';
import { pino } from 'pino';
import { writeEntry } from '../../src/claimlog/entry.ts';
import type { Template } from '../../src/domain/template.ts';
import { MYSQL_TIMEOUT_MS } from '../../src/limits.ts';
import type { RecordStore } from '../../src/ports.ts';
import type { LockRequest } from '../../src/ports-coupons.ts';
import { MysqlPool } from '../../src/records/mysql/pool.ts';
import { MYSQL, mysqlTransact } from '../../src/records/redemptions/mysql-steps.ts';
import { SQLITE, SqliteSteps } from '../../src/records/redemptions/sqlite-steps.ts';
import { RecordsLink } from '../../src/workers/records-link.ts';
import { withGoal } from '../goals.ts';
import { PeerDatabase } from '../peers/peer-database.ts';
import { DataDir } from '../processes/data-dir.ts';
import { type Names, type Replay, recordReplay, renamed } from '../replayed-statements.ts';
import { NO_FIGURES, type Row } from '../report.ts';
import { median, medianRatio } from '../stats.ts';
import type { Bench, Scenario } from './scenario.ts';

const CLIENTS = 64;
const CONNECTIONS = 8;
const GOAL = 0.7;
/** The round before the first, not counted: either side's code is compiled and its pages are read by then. */
const WARMING = 0;
/** Ids of redemptions that are no other value of the statements. */
const FIRST_ID = 1_000_003;
const USER_MIN = 1_000_000;

interface Contender {
  /** Locks and uses one coupon. */
  redeem(names: Names): Promise<void>;
}

interface Field {
  readonly store: Contender;
  readonly bare: Contender;
  readonly templateId: number;
  /** Usages in the tables. */
  count(): Promise<number>;
  close(): Promise<void>;
}

async function run(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of ['redemptions-mysql', 'redemptions-sqlite'] as const) {
    const field = await (name === 'redemptions-mysql' ? mysqlField(bench) : sqliteField(bench));
    try {
      rows.push(await measured(bench, name, field));
    } finally {
      await field.close();
    }
  }
  return rows;
}

async function measured(bench: Bench, name: string, field: Field): Promise<Row> {
  const { rounds, redemptions } = bench.effort;
  const rates: { store: number[]; bare: number[] } = { store: [], bare: [] };
  let serial = 1;
  for (let round = WARMING; round <= rounds; round++) {
    for (const who of ['bare', 'store'] as const) {
      const rate = await crowd(field[who], field.templateId, serial, redemptions);
      if (round !== WARMING) rates[who].push(rate);
      serial += redemptions;
    }
    if (round === WARMING) continue;
    const [store, bare] = [rates.store.at(-1)!, rates.bare.at(-1)!].map(Math.round);
    bench.say(`  ${name} ${round}/${rounds}: ${store} redemptions/s, bare ${bare}`);
  }
  const ratio = medianRatio(rates.store, rates.bare);
  const used = await field.count();
  const row: Row = {
    ...NO_FIGURES,
    name,
    rps: median(rates.store),
    ratioRps: ratio,
    verified: used === serial,
    more: { clients: CLIENTS, bareRps: median(rates.bare), usages: used },
  };
  return withGoal(row, 'ratioRps', ratio, { atLeast: GOAL });
}

/** → redemptions a second. */
async function crowd(who: Contender, templateId: number, from: number, count: number): Promise<number> {
  let next = from;
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (next < from + count) await who.redeem(namesOf(templateId, next++));
    }),
  );
  return (count * 1000) / (performance.now() - startMs);
}

/** `redemptionId`: what the bare client's rows get is known only then. */
function namesOf(templateId: number, serial: number): Names {
  const couponId = templateId * 2 ** 32 + serial;
  return {
    couponId,
    userId: String(USER_MIN + serial),
    orderId: `order-${serial + 1_000_000}`,
    redemptionId: 0,
  };
}

function requestOf({ couponId, userId, orderId }: Names): LockRequest {
  return {
    userId,
    orderId,
    couponIds: [couponId],
    order: {
      currency: 'CNY',
      lines: [{ goodsId: '1', categoryIds: [], price: 10_000, quantity: 2 }],
      shippingFee: 500,
    },
    lockMs: 900_000,
    expectPayable: null,
    replace: false,
    use: false,
    isOfService: true,
    key: null,
    gid: null,
    fingerprint: 'x'.repeat(64),
  };
}

function throughStore({ coupons }: RecordsLink<RecordStore>): Contender {
  return {
    async redeem(names) {
      const locked = await coupons.lock(requestOf(names));
      if (locked.kind !== 'locked') throw new Error(JSON.stringify(locked));
      const { redemptionId } = locked.redemption;
      const used = await coupons.use({ redemptionId, order: null, paidAtMs: null });
      if (used.kind !== 'moved') throw new Error(JSON.stringify(used));
    },
  };
}

async function mysqlField(bench: Bench): Promise<Field> {
  const { mysql } = await bench.stores();
  const database = await PeerDatabase.create(mysql.url, `bench_redemptions_${Date.now()}`);
  const link = await openLink({ kind: 'mysql', statementTimeoutMs: MYSQL_TIMEOUT_MS, url: database.url });
  const templateId = await seed(bench, link.store);
  const pool = createPool({
    uri: database.url,
    connectionLimit: CONNECTIONS,
    supportBigNumbers: true,
    bigNumberStrings: true,
  });
  await pool.query(`ALTER TABLE redemptions AUTO_INCREMENT = ${FIRST_ID}`);
  const recorder = new MysqlPool(database.url, { connections: 1 });
  await recorder.open();
  const { replay, names } = await recordReplay(
    MYSQL,
    mysqlTransact(recorder),
    requestOf(namesOf(templateId, 0)),
  );
  await recorder.close();
  // As the store has it: gaps are not locked.
  pool.pool.on('connection', (connection) =>
    connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED'),
  );
  return {
    store: throughStore(link),
    bare: bareMysql(pool, replay, names),
    templateId,
    count: async () => {
      const [rows] = await pool.query({ sql: 'SELECT COUNT(*) FROM usages', rowsAsArray: true });
      return Number((rows as unknown as unknown[][])[0]![0]);
    },
    close: async () => {
      await pool.end();
      await link.end();
      await database.drop();
    },
  };
}

function bareMysql(pool: Pool, replay: Replay, from: Names): Contender {
  return {
    async redeem(to) {
      let names = to;
      for (const statements of [replay.lock, replay.use]) {
        const connection = await pool.getConnection();
        await connection.query('START TRANSACTION');
        for (const { kind, sql, values } of statements) {
          const options = { sql, values: renamed(values, from, names), rowsAsArray: kind !== 'run' };
          const [result] = await connection.query(options);
          if (sql.startsWith('INSERT INTO redemptions'))
            names = { ...names, redemptionId: Number((result as { insertId?: number }).insertId) };
        }
        await connection.query('COMMIT');
        connection.release();
      }
    },
  };
}

async function sqliteField(bench: Bench): Promise<Field> {
  const dataDir = new DataDir();
  const file = path.join(dataDir.path, 'records.db');
  const link = await openLink({ kind: 'sqlite', file });
  const templateId = await seed(bench, link.store);
  const db = new Database(file);
  db.exec('PRAGMA busy_timeout = 10000');
  db.exec('PRAGMA synchronous = FULL');
  db.exec(`INSERT INTO sqlite_sequence (name, seq) VALUES ('redemptions', ${FIRST_ID})`);
  const steps = new SqliteSteps(db);
  const { replay, names } = await recordReplay(SQLITE, steps.transact, requestOf(namesOf(templateId, 0)));
  return {
    store: throughStore(link),
    bare: new BareSqlite(db, replay, names),
    templateId,
    count: async () => (db.prepare('SELECT COUNT(*) AS n FROM usages').get() as { n: number }).n,
    close: async () => {
      await link.rest();
      await link.end();
      db.close();
      dataDir.remove();
    },
  };
}

/** All that wait share a transaction, as in the store. */
class BareSqlite implements Contender {
  private readonly db: Database.Database;
  private readonly replay: Replay;
  private readonly from: Names;
  private waiting: { readonly run: () => void; readonly done: () => void }[] = [];
  private readonly prepared = new Map<string, Database.Statement>();

  constructor(db: Database.Database, replay: Replay, from: Names) {
    this.db = db;
    this.replay = replay;
    this.from = from;
  }

  async redeem(to: Names): Promise<void> {
    let names = to;
    await this.together(() => {
      names = this.issue(this.replay.lock, names);
    });
    await this.together(() => {
      names = this.issue(this.replay.use, names);
    });
  }

  private together(run: () => void): Promise<void> {
    return new Promise((done) => {
      this.waiting.push({ run, done });
      if (this.waiting.length === 1)
        setImmediate(() => {
          const all = this.waiting.splice(0);
          this.db.exec('BEGIN IMMEDIATE');
          for (const one of all) one.run();
          this.db.exec('COMMIT');
          for (const one of all) one.done();
        });
    });
  }

  private issue(statements: Replay['lock'], to: Names): Names {
    let names = to;
    for (const { kind, sql, values } of statements) {
      let statement = this.prepared.get(sql);
      if (statement === undefined) {
        statement = this.db.prepare(sql);
        this.prepared.set(sql, statement);
      }
      const given = renamed(values, this.from, names);
      if (kind === 'rows') statement.all(...given);
      else if (kind === 'row') statement.get(...given);
      else {
        const { lastInsertRowid } = statement.run(...given);
        if (sql.startsWith('INSERT INTO redemptions'))
          names = { ...names, redemptionId: Number(lastInsertRowid) };
      }
    }
    return names;
  }
}

function openLink(target: Parameters<typeof RecordsLink.start>[0]): Promise<RecordsLink<RecordStore>> {
  const onDeath = (error: Error): never => {
    throw error;
  };
  return RecordsLink.start<RecordStore>(target, onDeath, pino({ level: 'silent' }));
}

/** A template with as many stored claims as the rounds use, and the one that is recorded. → its id. */
async function seed({ effort }: Bench, store: RecordsLink<RecordStore>['store']): Promise<number> {
  const total = (effort.rounds + 1) * effort.redemptions * 2 + 1;
  const nowMs = Date.now();
  const template: Template = {
    id: 0,
    name: `Bench ${nowMs}`,
    intro: null,
    logo: null,
    productLine: 1,
    codeKind: 3,
    currency: 'CNY',
    discount: { kind: 'instant', off: 1000 },
    scope: { all: true },
    stacking: null,
    measure: 'remaining',
    validity: { daysAfterClaim: 30 },
    claimFromMs: null,
    claimUntilMs: null,
    total,
    perUserLimit: 1,
    distribution: 'claim',
    partitions: 1,
    code: null,
    audience: null,
    status: 'published',
    createdAtMs: nowMs,
    publishedAtMs: nowMs,
    version: 1,
  };
  const spaces = [{ space: '0103261129', size: 10_000_000 }];
  const saved = await store.saveTemplate(template, { firstSerial: 0, length: total, spaces }, null);
  if (saved.kind !== 'saved') throw new Error(saved.kind);
  const templateId = saved.value.id;
  const slice = 10_000;
  for (let from = 0, offset = 0; from < total; from += slice) {
    const count = Math.min(slice, total - from);
    const words = new Uint32Array(count * 10);
    for (let i = 0; i < count; i++) {
      const serial = from + i;
      const time = [nowMs >>> 0, Math.floor(nowMs / 2 ** 32)] as const;
      writeEntry(words, i * 10, templateId, serial, USER_MIN + serial, 0, 0, serial, 0, ...time, 0, 0);
    }
    const entries = new Uint8Array(words.buffer);
    const toOffset = offset + entries.length + 40;
    const outcome = await store.commitClaims({ logId: 1, fromOffset: offset, toOffset, entries });
    if (outcome.kind !== 'committed') throw new Error(JSON.stringify(outcome));
    offset = toOffset;
  }
  return templateId;
}

export const redemptions: Scenario = {
  name: 'redemptions',
  about: 'lock and use by 64 clients, beside a bare client with the same SQL',
  run,
};
