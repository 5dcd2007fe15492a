/** How many of these entries are about which template. */
import { ENTRY_WORDS, entryWords } from './entry.ts';

export function claimsByTemplate(entries: Uint8Array): [templateId: number, claims: number][] {
  const counts = new Map<number, number>();
  const words = entryWords(entries);
  for (let at = 0; at < words.length; at += ENTRY_WORDS)
    counts.set(words[at]!, (counts.get(words[at]!) ?? 0) + 1);
  return [...counts];
}
