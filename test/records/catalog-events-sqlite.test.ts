import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { MIGRATIONS } from '../../src/records/sqlite-schema.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { catalogEventsContract } from './catalog-events-contract.ts';

catalogEventsContract('SQLite', async () => {
  const home = mkdtempSync(join(tmpdir(), 'doorbuster-catalog-events-'));
  const file = join(home, 'records.db');
  return {
    open: async () => new SqliteStore(file),
    another: async (store) => store,
    makeOld: async () => {
      const db = new Database(file);
      db.exec('DROP TABLE catalog_events; DROP TABLE event_subjects;');
      db.exec(`PRAGMA user_version = ${MIGRATIONS.length - 2}`);
      db.close();
    },
    dispose: async () => rmSync(home, { recursive: true }),
  };
});
