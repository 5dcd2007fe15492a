import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { couponStoreContract } from './coupon-store-contract.ts';

couponStoreContract('SQLite', async () => {
  const home = mkdtempSync(join(tmpdir(), 'doorbuster-coupons-'));
  return {
    open: async () => new SqliteStore(join(home, 'records.db')),
    dispose: async () => rmSync(home, { recursive: true }),
  };
});
