/** The record stores' contract on a real MariaDB or MySQL, by both ways of inserting. */
import { openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import type { MysqlOptions } from '../../src/records/mysql/pool.ts';
import { newDatabase } from '../services/mysql.ts';
import { recordStoreContract, type StoreHome } from './record-store-contract.ts';

async function home(options: MysqlOptions = {}): Promise<StoreHome> {
  const database = await newDatabase();
  return { open: () => openMysqlStore(database.url, options), dispose: () => database.drop() };
}

recordStoreContract('MySQL, by LOAD DATA', () => home());
recordStoreContract('MySQL, by INSERT', () => home({ loadData: false }));
