import mysql from 'mysql2/promise';
import { openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import { newDatabase } from '../services/mysql.ts';
import { catalogContract } from './catalog-contract.ts';

catalogContract(async () => {
  const database = await newDatabase();
  const hand = await mysql.createConnection(database.url);
  return {
    store: await openMysqlStore(database.url),
    mysqlUrl: database.url,
    run: async (_, sql) => (await hand.query<mysql.ResultSetHeader>(sql))[0].affectedRows,
    dispose: async () => {
      hand.destroy();
      await database.drop();
    },
  };
});
