/** Names stored before they were compared in NFC get their keys: the same judgement in every store. */
import { nameKey } from '../domain/template-name.ts';

/**
 * The rows to change, with their keys. Where two were allowed to be called the same, the first has the name for
 * itself and the other one keeps the spelling it has: no new name can be that.
 */
export function keyNames<Id>(rows: Iterable<{ id: Id; name: string }>): { id: Id; name: string }[] {
  const all = [...rows];
  const taken = new Set(all.map(({ name }) => name));
  const changed: { id: Id; name: string }[] = [];
  for (const { id, name } of all) {
    const key = nameKey(name);
    if (taken.has(key)) continue;
    taken.add(key);
    changed.push({ id, name: key });
  }
  return changed;
}
