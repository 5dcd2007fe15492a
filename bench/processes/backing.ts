/** What a profile puts behind a server, and how the rows that end up there are read past it. */
import { randomBytes } from 'node:crypto';
import type { KeptCoupon } from '../load/jobs.ts';
import { PeerDatabase } from '../peers/peer-database.ts';
import type { Servers } from '../peers/servers.ts';
import { countRows, countUsers, deleteOneRow } from '../records-file.ts';

/** Counts that do not believe the program's own counters. */
export interface StoredRows {
  countRows(templateId: string): Promise<number>;
  countUsers(templateId: string): Promise<number>;
  /** Those of `coupons` that are not stored for the user who was given them. */
  missing(coupons: readonly KeptCoupon[]): Promise<readonly KeptCoupon[]>;
  /** The fault the bench must notice. */
  loseOne(templateId: string): Promise<void>;
}

export interface Backing {
  /** Variables that choose the profile. */
  readonly env: Readonly<Record<string, string>>;
  /** Process ids of databases at work for the server. */
  readonly pids: Readonly<Record<string, number>>;
  rows(dataDir: string): StoredRows;
  drop(): Promise<void>;
}

/** Everything in the data directory. */
export const EMBEDDED: Backing = {
  env: {},
  pids: {},
  rows: (dataDir) => ({
    countRows: async (templateId) => countRows(dataDir, templateId),
    countUsers: async (templateId) => countUsers(dataDir, templateId),
    // One process reads this file through one store: sampled wallets show the same.
    missing: async () => [],
    loseOne: async (templateId) => deleteOneRow(dataDir, templateId),
  }),
  drop: async () => {},
};

/** Every row of the claims: emptied, the server has to store its logs once more. */
const CLAIM_TABLES = ['coupons', 'claim_blocks', 'watermarks'];

/** A database of its own in a MySQL that others use too, and the Redis that all share. */
export class SharedBacking implements Backing {
  readonly env: Readonly<Record<string, string>>;
  readonly pids: Readonly<Record<string, number>>;
  readonly database: PeerDatabase;

  private constructor(servers: Servers, database: PeerDatabase, profile: 'single' | 'cluster') {
    this.database = database;
    this.pids = { redis: servers.redis.pid, mysql: servers.mysql.pid };
    this.env = {
      PROFILE: profile,
      REDIS_URL: servers.redis.url,
      MYSQL_URL: database.url,
      CODE_KEY: randomBytes(32).toString('hex'),
    };
  }

  static async create(servers: Servers, profile: 'single' | 'cluster'): Promise<SharedBacking> {
    const name = `bench_${profile}_${randomBytes(4).toString('hex')}`;
    return new SharedBacking(servers, await PeerDatabase.create(servers.mysql.url, name), profile);
  }

  rows(): StoredRows {
    const { database } = this;
    return {
      countRows: (templateId) => database.countRows(Number(templateId)),
      countUsers: (templateId) => database.countUsers(Number(templateId)),
      missing: (coupons) => database.missing(coupons),
      loseOne: (templateId) => database.loseOne(Number(templateId)),
    };
  }

  /** Only while no server runs on it: its claims are then in its logs alone. */
  unflush(): Promise<void> {
    return this.database.clear(CLAIM_TABLES);
  }

  drop(): Promise<void> {
    return this.database.drop();
  }
}
