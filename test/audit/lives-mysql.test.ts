import mysql from 'mysql2/promise';
import { openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import type { Cell } from '../../src/records/redemptions/steps.ts';
import { newDatabase } from '../services/mysql.ts';
import { livesContract } from './lives-contract.ts';

livesContract(async () => {
  const database = await newDatabase();
  const hand = await mysql.createConnection(database.url);
  return {
    store: await openMysqlStore(database.url),
    place: () => ({ mysqlUrl: database.url }),
    run: async (_, sql) => (await hand.query<mysql.ResultSetHeader>(sql))[0].affectedRows,
    rows: async (_, sql, values) => {
      const [rows] = await hand.query<mysql.RowDataPacket[]>({ sql, rowsAsArray: true }, [...values]);
      return rows as unknown as Cell[][];
    },
    dispose: async () => {
      hand.destroy();
      await database.drop();
    },
  };
});
