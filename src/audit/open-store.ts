/** Opens whichever store the records of an audit are in. */
import type { StoreFacts } from './store-facts.ts';

/** Where the records are. */
export type StorePlace = { readonly storeFile: string } | { readonly mysqlUrl: string };

/** Throws when there is none, or it cannot be read. Loads only the library that is needed. */
export async function openStoreFacts(place: StorePlace): Promise<StoreFacts> {
  if ('mysqlUrl' in place) {
    const { openMysqlFacts } = await import('./collect-mysql.ts');
    return openMysqlFacts(place.mysqlUrl);
  }
  const { StoreReader } = await import('./collect-store.ts');
  return new StoreReader(place.storeFile);
}
