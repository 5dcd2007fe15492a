import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { eventStoreContract } from './event-store-contract.ts';

eventStoreContract('SQLite', async () => {
  const home = mkdtempSync(join(tmpdir(), 'doorbuster-events-'));
  return {
    open: async () => new SqliteStore(join(home, 'records.db')),
    dispose: async () => rmSync(home, { recursive: true }),
  };
});
