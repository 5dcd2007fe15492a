import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { sagaContract } from './saga-contract.ts';

sagaContract('SQLite', async () => {
  const home = mkdtempSync(join(tmpdir(), 'doorbuster-sagas-'));
  return {
    open: async () => new SqliteStore(join(home, 'records.db')),
    dispose: async () => rmSync(home, { recursive: true }),
  };
});
