import Database from 'libsql';
import { catalogContract } from './catalog-contract.ts';

catalogContract(async () => ({
  mysqlUrl: null,
  run: async ({ file }, sql) => {
    const db = new Database(file);
    try {
      return db.prepare(sql).run().changes;
    } finally {
      db.close();
    }
  },
  dispose: async () => {},
}));
