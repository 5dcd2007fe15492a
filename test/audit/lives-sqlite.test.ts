import Database from 'libsql';
import type { Cell } from '../../src/records/redemptions/steps.ts';
import { livesContract } from './lives-contract.ts';

livesContract(async () => ({
  place: ({ file }) => ({ storeFile: file }),
  run: async ({ file }, sql) => {
    const db = new Database(file);
    try {
      return db.prepare(sql).run().changes;
    } finally {
      db.close();
    }
  },
  rows: async ({ file }, sql, values) => {
    const db = new Database(file);
    try {
      return db
        .prepare(sql)
        .raw(true)
        .all(...values) as unknown as Cell[][];
    } finally {
      db.close();
    }
  },
  dispose: async () => {},
}));
