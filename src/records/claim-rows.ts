/**
 * Turns log entries into coupon rows. The rows of a batch go in as one JSON array that SQLite takes apart itself:
 * that is a fifth faster than a bound statement per row, because the crossing into the library is paid once.
 */
import type Database from 'libsql';
import { blankEntry, ENTRY_WORDS, entryWords, readEntry } from '../claimlog/entry.ts';
import { formatCode } from '../domain/code-space.ts';
import { extentOfSerial } from '../domain/codes.ts';
import { couponId } from '../domain/coupon-id.ts';
import { type CodeExtent, type Template, validityOf } from '../domain/template.ts';
import { userIdText } from '../domain/user-id.ts';

const INSERT = `INSERT INTO coupons (id, user_id, template_id, activity_id, code, claimed_at, valid_from, valid_until)
  SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7 FROM json_each(?)`;

interface KnownTemplate {
  readonly template: Template;
  readonly extents: readonly CodeExtent[];
}

export interface RowConflict {
  readonly couponId: number;
  readonly detail: string;
}

export class ClaimRows {
  private readonly known = new Map<number, KnownTemplate>();

  /** The template changed: read it again when its next claim comes. */
  forget(templateId: number): void {
    this.known.delete(templateId);
  }

  /** Inserts the rows of `entries`; must run inside a transaction that is rolled back when a conflict is returned. */
  insert(db: Database.Database, entries: Uint8Array): RowConflict | null {
    const words = entryWords(entries);
    const entry = blankEntry();
    const parts: string[] = [];
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      readEntry(words, at, entry);
      const id = couponId(entry.templateId, entry.serial);
      const known = this.template(db, entry.templateId);
      const space = known && extentOfSerial(known.extents, entry.serial)?.space;
      if (known === undefined || space === undefined) {
        return {
          couponId: id,
          detail: `the log holds a claim of template ${entry.templateId}, serial ${entry.serial}, which has no such unit`,
        };
      }
      const { fromMs, untilMs } = validityOf(known.template, entry.claimedAtMs);
      const code = JSON.stringify(formatCode(space, entry.code));
      const user = userIdText(entry.userLo, entry.userHi);
      parts.push(
        `[${id},${user},${entry.templateId},${entry.activityId},${code},${entry.claimedAtMs},${fromMs},${untilMs}]`,
      );
    }
    try {
      db.prepare(INSERT).run(`[${parts.join(',')}]`);
      return null;
    } catch (error) {
      return this.conflict(db, parts, error);
    }
  }

  /** A duplicate key is news: watermark and rows share a transaction, so the row cannot be this claim's own. */
  private conflict(db: Database.Database, parts: readonly string[], error: unknown): RowConflict {
    for (const part of parts) {
      const [id] = JSON.parse(part) as [number];
      const row = db.prepare('SELECT id FROM coupons WHERE id = ?').get(id);
      if (row !== undefined) {
        return {
          couponId: id,
          detail: `coupon ${id} is in the record store already, before its claim was flushed`,
        };
      }
    }
    throw error;
  }

  private template(db: Database.Database, templateId: number): KnownTemplate | undefined {
    const known = this.known.get(templateId);
    if (known !== undefined) return known;
    const row = db.prepare('SELECT body FROM templates WHERE id = ?').get(templateId) as
      | { body: string }
      | undefined;
    if (row === undefined) return undefined;
    const extents = db
      .prepare(
        'SELECT template_id AS templateId, first_serial AS firstSerial, length, space, first AS "offset" FROM code_extents WHERE template_id = ?',
      )
      .all(templateId) as CodeExtent[];
    const fresh = { template: { ...(JSON.parse(row.body) as Template), id: templateId }, extents };
    this.known.set(templateId, fresh);
    return fresh;
  }
}
