/** A small shop's data directory as a server leaves it: catalog, log, and the first part of the log flushed. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'libsql';
import type { Report } from '../../src/audit/report.ts';
import { fileDisk } from '../../src/claimlog/disk.ts';
import { ENTRY_WORDS, writeEntry } from '../../src/claimlog/entry.ts';
import { HEADER_WORDS } from '../../src/claimlog/frame.ts';
import { LogFollower } from '../../src/claimlog/log-follower.ts';
import { LogWriter } from '../../src/claimlog/log-writer.ts';
import { logRoot } from '../../src/claimlog/segment.ts';
import { CodeBook, keyFingerprint } from '../../src/domain/codes.ts';
import { couponId } from '../../src/domain/coupon-id.ts';
import type { Activity, CodeExtent, Template } from '../../src/domain/template.ts';
import type { RecordStore } from '../../src/ports.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';

export const CODE_KEY = new Uint8Array(32).fill(7);
export const NOW_MS = 1_790_000_000_000;
const TWO_32 = 2 ** 32;

const BLANK: Template = {
  id: 0,
  name: '',
  intro: null,
  logo: null,
  productLine: 1,
  codeKind: 1,
  currency: 'CNY',
  discount: { kind: 'instant', off: 100 },
  scope: { all: true },
  stacking: null,
  measure: 'remaining',
  validity: { daysAfterClaim: 30 },
  claimFromMs: null,
  claimUntilMs: null,
  total: 0,
  perUserLimit: 1,
  distribution: 'claim',
  partitions: 1,
  code: null,
  audience: null,
  status: 'published',
  createdAtMs: NOW_MS,
  publishedAtMs: NOW_MS,
  version: 1,
};

export interface Claim {
  readonly templateId: number;
  readonly serial: number;
  readonly userLo: number;
  readonly activityId?: number;
}

export class Shop {
  readonly dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-audit-'));
  readonly root = logRoot(this.dataDir);
  readonly file = path.join(this.dataDir, 'records.db');
  readonly store: RecordStore;
  readonly templates: Template[] = [];
  readonly activities: Activity[] = [];
  readonly extents: CodeExtent[] = [];
  private readonly book = new CodeBook(CODE_KEY);
  readonly log: LogWriter;
  private follower: LogFollower | null = null;

  /** With its records in the directory, or in the store given. */
  constructor(store?: RecordStore) {
    this.store = store ?? new SqliteStore(this.file);
    fileDisk.makeDir(this.root);
    this.log = new LogWriter(fileDisk, this.root, 1, 1_000);
  }

  async open(): Promise<void> {
    await this.store.keepFact('code_key_fingerprint', keyFingerprint(CODE_KEY));
  }

  async template(total: number, perUserLimit: number, changes: Partial<Template> = {}): Promise<number> {
    const fields = { ...BLANK, name: `T${this.templates.length}`, total, perUserLimit, ...changes };
    const request = { firstSerial: 0, length: total, spaces: [{ space: '0101269121', size: 50_000_000 }] };
    const saved = await this.store.saveTemplate(fields, request, null);
    if (saved.kind !== 'saved') throw new Error(saved.kind);
    this.templates.push(saved.value);
    this.extents.push(saved.extent!);
    return saved.value.id;
  }

  async activity(templateId: number, stock: number, perUserLimit: number): Promise<number> {
    const saved = await this.store.saveActivity(
      {
        id: 0,
        templateId,
        name: 'rush',
        stock,
        startsAtMs: NOW_MS,
        endsAtMs: NOW_MS + 1,
        perUserLimit,
        status: 'active',
        createdAtMs: NOW_MS,
        version: 1,
      },
      null,
    );
    if (saved.kind !== 'saved') throw new Error(saved.kind);
    this.activities.push(saved.value);
    return saved.value.id;
  }

  /** One frame of claims in the log. */
  append(claims: readonly Claim[]): void {
    const words = new Uint32Array(HEADER_WORDS + claims.length * ENTRY_WORDS);
    const lo = new Uint32Array(1);
    const hi = new Uint16Array(1);
    claims.forEach(({ templateId, serial, userLo, activityId = 0 }, i) => {
      const extent = this.extents.find((known) => known.templateId === templateId)!;
      this.book.fill(extent, serial, 1, lo, hi, 0);
      const timeMs = NOW_MS + serial;
      const at = HEADER_WORDS + i * ENTRY_WORDS;
      const timeHi = Math.floor(timeMs / TWO_32);
      writeEntry(
        words,
        at,
        templateId,
        serial,
        userLo,
        3,
        activityId,
        lo[0],
        hi[0],
        timeMs >>> 0,
        timeHi,
        0,
        0,
      );
    });
    this.log.append(words, claims.length);
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.log.startSync((error) => (error === null ? resolve() : reject(error)));
    });
  }

  /** Flushes what is synced. */
  async flush(): Promise<void> {
    this.follower ??= new LogFollower(fileDisk, this.root, 1, 0);
    for (let batch = this.follower.next(this.log.synced, 16); batch !== null; ) {
      const outcome = await this.store.commitClaims(batch);
      if (outcome.kind !== 'committed') throw new Error(outcome.kind);
      batch = this.follower.next(this.log.synced, 16);
    }
  }

  /** Does what an operator's hand might do. */
  edit(sql: string, ...parameters: unknown[]): void {
    const db = new Database(this.file);
    try {
      if (db.prepare(sql).run(...parameters).changes === 0) throw new Error(`nothing was edited by ${sql}`);
    } finally {
      db.close();
    }
  }

  async close(): Promise<void> {
    this.follower?.close();
    await this.store.close();
    fs.rmSync(this.dataDir, { recursive: true });
  }
}

/** Template 1: 100 units, one a user, 60 claimed of which 50 are flushed. Template 2: an activity, half of it sold. */
export async function filledShop(store?: RecordStore): Promise<Shop> {
  const shop = new Shop(store);
  await shop.open();
  const first = await shop.template(100, 1);
  const second = await shop.template(50, 3);
  const rush = await shop.activity(second, 20, 2);
  for (let serial = 0; serial < 50; serial += 5) {
    shop.append(
      [0, 1, 2, 3, 4].map((i) => ({ templateId: first, serial: serial + i, userLo: 1000 + serial + i })),
    );
  }
  shop.append(
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => ({
      templateId: second,
      serial: i,
      userLo: 50 + (i >> 1),
      activityId: rush,
    })),
  );
  await shop.sync();
  await shop.flush();
  shop.append(
    [50, 51, 52, 53, 54, 55, 56, 57, 58, 59].map((serial) => ({
      templateId: first,
      serial,
      userLo: 1000 + serial,
    })),
  );
  await shop.sync();
  return shop;
}

export function problemsOf(report: Report, check: string): readonly string[] {
  return report.checks.find(({ name }) => name === check)!.problems;
}

export function allProblems(report: Report): string[] {
  return report.checks.flatMap(({ name, problems }) => problems.map((problem) => `${name}: ${problem}`));
}

export const coupon = couponId;
