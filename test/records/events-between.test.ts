/** What happens between the statements of one read. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { expect, test } from 'vitest';
import { POSITION_START } from '../../src/domain/event-position.ts';
import type { StoredCouponEvent } from '../../src/ports-events.ts';
import { eventStore } from '../../src/records/events/event-store.ts';
import { sqliteEvents } from '../../src/records/events/sqlite-events.ts';
import { SQLITE, SqliteSteps } from '../../src/records/redemptions/sqlite-steps.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { ALICE, CouponStage } from './coupon-stage.ts';
import { checkOrder, ofCoupons } from './event-store-contract.ts';

test.each([1, 2, 3, 5, 100])('a coupon that is claimed and locked meanwhile (pages of %i)', async (limit) => {
  const home = mkdtempSync(join(tmpdir(), 'doorbuster-between-'));
  const file = join(home, 'records.db');
  const store = new SqliteStore(file);
  const db = new Database(file);
  try {
    const stage = new CouponStage(store);
    const template = await stage.template();
    let coupons = 0;
    const happen = async (): Promise<void> => {
      if (coupons === 12) return;
      coupons++;
      await stage.lock([await stage.claim(template, ALICE)]);
    };
    const steps = new SqliteSteps(db);
    const sql = sqliteEvents(steps);
    const between = {
      ...sql,
      rows: async (...statement: Parameters<typeof sql.rows>) => {
        const rows = await sql.rows(...statement);
        await happen();
        return rows;
      },
    };
    const events = eventStore(between, SQLITE, steps.transact);
    const seen: StoredCouponEvent[] = [];
    let position = POSITION_START;
    for (let idle = 0; idle < 2; ) {
      const page = await events.read(position, limit);
      seen.push(...ofCoupons(page.events));
      position = page.next;
      idle = page.events.length === 0 && coupons === 12 ? idle + 1 : 0;
    }
    checkOrder(seen);
    expect(seen).toHaveLength(24);
  } finally {
    db.close();
    await store.close();
    rmSync(home, { recursive: true });
  }
});
