import { openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import { newDatabase } from '../services/mysql.ts';
import { couponStoreContract } from './coupon-store-contract.ts';

couponStoreContract('MySQL', async () => {
  const database = await newDatabase();
  return { open: () => openMysqlStore(database.url), dispose: () => database.drop() };
});
