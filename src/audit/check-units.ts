/** No unit has two claims, and every claim is of a unit that exists. Builds the index that the other checks read. */
import { ENTRY_WORDS, entryWords } from '../claimlog/entry.ts';
import { userIdText } from '../domain/user-id.ts';
import { ClaimList, couponName, difference } from './claim-list.ts';
import type { Facts } from './facts.ts';
import type { Findings } from './report.ts';
import { UnitIndex } from './unit-index.ts';

export interface Claims {
  readonly list: ClaimList;
  readonly templates: ReadonlyMap<number, UnitIndex>;
}

export function checkUnits(
  facts: Pick<Facts, 'templates' | 'activities' | 'blocks' | 'log'>,
  found: Findings,
): Claims {
  const list = new ClaimList(facts.blocks, facts.log);
  const templates = new Map<number, UnitIndex>();
  for (const template of facts.templates) templates.set(template.templateId, new UnitIndex(template));
  for (const activity of facts.activities) {
    templates.get(activity.templateId)?.activities.set(activity.activityId, activity);
  }
  const other: { words: Uint32Array; at: number } = { words: new Uint32Array(0), at: 0 };
  let units: UnitIndex | undefined;
  for (let n = 0; n < list.size; n++) {
    list.seek(n);
    const { words, at } = list;
    const templateId = words[at];
    const serial = words[at + 1];
    const activityId = words[at + 4];
    if (units?.template.templateId !== templateId) units = templates.get(templateId);
    if (units === undefined) {
      found.problem(() => `${list.coupon()}: claimed by user ${list.user()}, but there is no such template`);
      continue;
    }
    if (serial >= units.template.total) {
      const { total } = units.template;
      found.problem(
        () => `${list.coupon()}: claimed by user ${list.user()}, but the template has ${total} units`,
      );
      continue;
    }
    if (activityId !== 0 && !units.activities.has(activityId)) {
      found.problem(
        () => `${list.coupon()}: claimed in activity ${activityId}, which the template does not have`,
      );
    }
    const known = units.claimOf(serial);
    if (known < 0) {
      units.put(serial, n, activityId);
      continue;
    }
    other.words = words;
    other.at = at;
    list.seek(known);
    compare(list, known, other, n, found);
  }
  found.checked = list.size;
  return { list, templates };
}

/** The list's cursor stands on the claim that came first. */
function compare(
  list: ClaimList,
  first: number,
  other: { words: Uint32Array; at: number },
  second: number,
  found: Findings,
): void {
  const { words, at } = list;
  const sources = `${sourceOf(list, first)} and ${sourceOf(list, second)}`;
  if (words[at + 2] !== other.words[other.at + 2] || words[at + 3] !== other.words[other.at + 3]) {
    const user = userIdText(other.words[other.at + 2], other.words[other.at + 3]);
    found.problem(() => `${list.coupon()}: claimed by user ${list.user()} and by user ${user} (${sources})`);
    return;
  }
  const differs = difference(words, at, other.words, other.at);
  if (differs !== null) {
    found.problem(
      () => `${list.coupon()}: two claims of user ${list.user()} that differ in ${differs} (${sources})`,
    );
  } else if (first < list.stored === second < list.stored) {
    // The flusher moves on while an audit reads: once in the records and once in the log is one claim.
    found.problem(() => `${list.coupon()}: the claim of user ${list.user()} is there twice (${sources})`);
  }
}

function sourceOf(list: ClaimList, claim: number): string {
  return claim < list.stored ? 'records' : 'log';
}

/** What the logs still keep from below the watermarks must have arrived in the record store as it was written. */
export function checkFlushed(
  flushed: Iterable<Uint8Array>,
  { list, templates }: Claims,
  found: Findings,
): void {
  for (const bytes of flushed) {
    const words = entryWords(bytes);
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      const units = templates.get(words[at]);
      // An unknown serial stands in no index; the claim is missing then, whatever the template says.
      const claim =
        units === undefined || words[at + 1] >= units.template.total ? -1 : units.claimOf(words[at + 1]);
      if (claim < 0 || claim >= list.stored) {
        const user = userIdText(words[at + 2], words[at + 3]);
        found.problem(
          () =>
            `${couponName(words[at], words[at + 1])}: the claim of user ${user} stands in the log below the watermark, ` +
            'but not in the records: lost, or the watermark was moved',
        );
        continue;
      }
      list.seek(claim);
      const differs = difference(list.words, list.at, words, at);
      if (differs !== null) {
        found.problem(() => `${list.coupon()}: the claim in the records differs from the log in ${differs}`);
      }
    }
  }
}
