/**
 * Coupon rows on their way into the table: by LOAD DATA LOCAL from memory where the server lets us, else by INSERTs of
 * many rows.
 *
 * LOCAL makes LOAD DATA skip what it dislikes, with a warning. So every row must have arrived and none been warned of;
 * otherwise the transaction ends, and INSERT, which refuses, is asked what was wrong.
 */
import { ENTRY_WORDS } from '../../claimlog/entry.ts';
import { couponId } from '../../domain/coupon-id.ts';
import {
  type KnownTemplates,
  ROW_COLUMNS,
  type RowConflict,
  type RowStyle,
  type StoredClaim,
} from '../claim-values.ts';
import { readExtents, readTemplates } from './catalog-reads.ts';
import type { Session } from './session.ts';

/** Some 130 bytes each; a statement must stay below the smallest max_allowed_packet that is in use, 1 MiB. */
const ROWS_PER_INSERT = 2048;
/** Rows encoded while the server takes in those before. */
const ROWS_PER_CHUNK = 1024;
const IDS_PER_LOOKUP = 2048;

const LOAD = `LOAD DATA LOCAL INFILE 'claims' INTO TABLE coupons CHARACTER SET ascii
  FIELDS TERMINATED BY '\\t' ESCAPED BY '' LINES TERMINATED BY '\\n' (${ROW_COLUMNS})`;

/** A code is printable ASCII without blanks, so nothing in it ends a field. */
const LOAD_ROWS: RowStyle = { open: '', separator: '\t', close: '\n', code: (text) => text };

const INSERT_ROWS: RowStyle = {
  open: '(',
  separator: ',',
  close: '),',
  code: (text) => (/['\\]/.test(text) ? `'${text.replace(/['\\]/g, '\\$&')}'` : `'${text}'`),
};

const STORED = 'SELECT id, user_id, template_id, activity_id, code, claimed_at FROM coupons WHERE id IN ';

/** Not every row has arrived as it was sent; the transaction must be rolled back. */
export class LoadIncomplete extends Error {
  override name = 'LoadIncomplete';
}

export async function loadRows(session: Session, known: KnownTemplates, words: Uint32Array): Promise<void> {
  const { matched, warnings } = await session.run(LOAD, [], () => chunks(known, words));
  const rows = words.length / ENTRY_WORDS;
  if (matched !== rows || warnings !== 0) {
    throw new LoadIncomplete(`${matched} of ${rows} rows were loaded, with ${warnings} warnings`);
  }
}

function* chunks(known: KnownTemplates, words: Uint32Array): Generator<Buffer> {
  for (let from = 0; from < words.length; ) {
    const to = Math.min(words.length, from + ROWS_PER_CHUNK * ENTRY_WORDS);
    yield Buffer.from(known.rowsText(words, from, to, LOAD_ROWS), 'latin1');
    from = to;
  }
}

export async function insertRows(session: Session, known: KnownTemplates, words: Uint32Array): Promise<void> {
  for (let from = 0; from < words.length; from += ROWS_PER_INSERT * ENTRY_WORDS) {
    const to = Math.min(words.length, from + ROWS_PER_INSERT * ENTRY_WORDS);
    const rows = known.rowsText(words, from, to, INSERT_ROWS).slice(0, -1);
    await session.run(`INSERT INTO coupons (${ROW_COLUMNS}) VALUES ${rows}`);
  }
}

/** Rows that are there already for any of the entries. */
export async function storedRows(session: Session, words: Uint32Array): Promise<Map<number, StoredClaim>> {
  const stored = new Map<number, StoredClaim>();
  for (let from = 0; from < words.length; from += IDS_PER_LOOKUP * ENTRY_WORDS) {
    const ids: number[] = [];
    const to = Math.min(words.length, from + IDS_PER_LOOKUP * ENTRY_WORDS);
    for (let at = from; at < to; at += ENTRY_WORDS) ids.push(couponId(words[at], words[at + 1]));
    for (const row of await session.rows(`${STORED} (${ids.join(',')})`)) {
      const [id, userId, templateId, activityId, code, claimedAtMs] = row;
      stored.set(Number(id), {
        couponId: Number(id),
        userId: String(userId),
        templateId: Number(templateId),
        activityId: Number(activityId),
        code: String(code),
        claimedAtMs: Number(claimedAtMs),
      });
    }
  }
  return stored;
}

/** Reads what the entries need and is not known yet: templates of other nodes, extents added since. */
export async function learn(
  session: Session,
  known: KnownTemplates,
  words: Uint32Array,
): Promise<RowConflict | null> {
  for (const templateId of known.unknownIn(words).keys()) {
    const [template] = await readTemplates(session, 'WHERE id = ?', [templateId]);
    if (template === undefined) continue;
    known.keep(template, await readExtents(session, 'WHERE template_id = ?', [templateId]));
  }
  for (const conflict of known.unknownIn(words).values()) return conflict;
  return null;
}
