import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { expect, test } from 'vitest';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { seeded } from '../support/random.ts';
import { CouponRace } from './coupon-race.ts';
import { faultsAfter, figuresOf, type RawRow } from './coupon-race-check.ts';
import { CouponStage } from './coupon-stage.ts';

const FOR_MS = process.env.LONG ? 60_000 : 1_200;
const CHANGES = 200;

test('64 clients at the same few coupons: nobody is told what is not so (SQLite)', async () => {
  const home = mkdtempSync(join(tmpdir(), 'doorbuster-race-'));
  const file = join(home, 'records.db');
  const stage = new CouponStage(new SqliteStore(file));
  try {
    const race = new CouponRace({ stage, random: seeded('race, SQLite'), forMs: FOR_MS, changes: CHANGES });
    await race.run();
    const db = new Database(file, { readonly: true });
    const faults = await faultsAfter(race, stage, async (sql) => db.prepare(sql).all() as RawRow[]);
    db.close();
    const figures = figuresOf(race);
    console.log('race, SQLite:', JSON.stringify(figures));
    expect(race.failures).toEqual([]);
    expect(faults.slice(0, 10)).toEqual([]);
    expect(figures.changed).toBeGreaterThanOrEqual(CHANGES);
    expect(figures.slowestMs).toBeLessThan(5_000);
  } finally {
    await stage.store.close();
    rmSync(home, { recursive: true });
  }
});
