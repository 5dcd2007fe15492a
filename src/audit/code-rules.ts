/** The code rules of an installation, with a word when the key is not the one its codes were made with. */
import { CodeBook, keyFingerprint } from '../domain/codes.ts';
import type { CodeExtent } from '../domain/template.ts';
import type { StoreFacts } from './store-facts.ts';
import { UnitCodes } from './unit-codes.ts';

export async function codeRules(
  store: Pick<StoreFacts, 'fact'>,
  codeKey: Uint8Array,
  extents: readonly CodeExtent[],
): Promise<UnitCodes> {
  const made = await store.fact('code_key_fingerprint');
  const wrongKey = made !== null && made !== keyFingerprint(codeKey);
  const faults = wrongKey ? ['the code key is not the one this database was made with'] : [];
  return new UnitCodes(new CodeBook(codeKey), extents, faults);
}
