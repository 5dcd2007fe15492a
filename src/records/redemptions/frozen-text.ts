/**
 * What a lock froze beside the text it is stored as. It never changes, and is the most of a redemption by far: who hands
 * a redemption on as text need not make it again.
 */
import type { Frozen } from '../../ports-coupons.ts';

const texts = new WeakMap<Frozen, string>();

export function frozenOf(text: string): Frozen {
  const frozen = JSON.parse(text) as Frozen;
  texts.set(frozen, text);
  return frozen;
}

export function textOf(frozen: Frozen): string {
  let text = texts.get(frozen);
  if (text === undefined) {
    text = JSON.stringify(frozen);
    texts.set(frozen, text);
  }
  return text;
}
