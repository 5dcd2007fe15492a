/**
 * Names of templates and activities: in Unicode NFC, so that an é is an é however it was typed, without blanks around
 * and without anything that cannot be seen, so that two names that look the same are the same.
 */

/** Controls, line and paragraph separators, halves of characters; what is shown as nothing (zero width, bidi, tags …). */
const UNSEEN = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

export function isSeen(name: string): boolean {
  return !UNSEEN.test(name);
}

/** What names are compared by. Those of before there was this rule may not be in NFC themselves. */
export function nameKey(name: string): string {
  return name.normalize('NFC');
}
