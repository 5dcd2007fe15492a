/**
 * From log entries to the values of coupon rows, the same for every store: what a row says is decided here, how it gets
 * into the database elsewhere. Rows are written as text, many at once, because no object per row is cheap enough.
 */
import { ENTRY_WORDS } from '../claimlog/entry.ts';
import { formatCode } from '../domain/code-space.ts';
import { extentOfSerial } from '../domain/codes.ts';
import { couponId } from '../domain/coupon-id.ts';
import { decimalText } from '../domain/eight-digits.ts';
import { type CodeExtent, type Template, validityOf } from '../domain/template.ts';
import { userIdText } from '../domain/user-id.ts';

const TWO_32 = 0x1_0000_0000;

/** The order of the values in a row's text. */
export const ROW_COLUMNS = 'id, user_id, template_id, activity_id, code, claimed_at, valid_from, valid_until';

export interface RowStyle {
  readonly open: string;
  readonly separator: string;
  readonly close: string;
  code(text: string): string;
}

export interface RowConflict {
  readonly couponId: number;
  readonly detail: string;
}

/** What a stored row says of its claim. */
export interface StoredClaim {
  readonly couponId: number;
  readonly userId: string;
  readonly templateId: number;
  readonly activityId: number;
  readonly code: string;
  readonly claimedAtMs: number;
}

interface Known {
  readonly template: Template;
  readonly extents: readonly CodeExtent[];
}

/** Templates and extents that rows are made with. What rows need of a published template never changes; extents grow. */
export class KnownTemplates {
  private readonly known = new Map<number, Known>();

  keep(template: Template, extents: readonly CodeExtent[]): void {
    this.known.set(template.id, { template, extents });
  }

  forget(templateId: number): void {
    this.known.delete(templateId);
  }

  /** Templates of which units are named that are not known here, each with its first such entry: read them (again). */
  unknownIn(words: Uint32Array): Map<number, RowConflict> {
    const unknown = new Map<number, RowConflict>();
    let extent: CodeExtent | undefined;
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      const templateId = words[at];
      const serial = words[at + 1];
      if (extent !== undefined && covers(extent, templateId, serial)) continue;
      extent = this.extentOf(templateId, serial);
      if (extent !== undefined || unknown.has(templateId)) continue;
      unknown.set(templateId, {
        couponId: couponId(templateId, serial),
        detail: `the log holds a claim of template ${templateId}, serial ${serial}, which has no such unit`,
      });
    }
    return unknown;
  }

  /** The rows of the entries in words [from, to), of which none may be unknown. */
  rowsText(words: Uint32Array, from: number, to: number, style: RowStyle): string {
    const { open, separator, close } = style;
    let extent: CodeExtent | undefined;
    let template: Template | undefined;
    let templateText = '';
    let [lastMs, times] = [-1, ''];
    let text = '';
    for (let at = from; at < to; at += ENTRY_WORDS) {
      const templateId = words[at];
      const serial = words[at + 1];
      if (template?.id !== templateId) {
        template = this.known.get(templateId)!.template;
        templateText = separator + String(templateId) + separator;
        extent = undefined;
        lastMs = -1;
      }
      if (extent === undefined || !covers(extent, templateId, serial)) {
        extent = this.extentOf(templateId, serial)!;
      }
      const claimedAtMs = (words[at + 6] >>> 16) * TWO_32 + words[at + 7];
      if (claimedAtMs !== lastMs) {
        const { fromMs, untilMs } = validityOf(template, claimedAtMs);
        times = `${separator}${decimalText(claimedAtMs)}${separator}${decimalText(fromMs)}${separator}${decimalText(untilMs)}${close}`;
        lastMs = claimedAtMs;
      }
      text +=
        open +
        decimalText(templateId * TWO_32 + serial) +
        separator +
        userIdText(words[at + 2], words[at + 3]) +
        templateText +
        words[at + 4] +
        separator +
        style.code(formatCode(extent.space, codeValue(words, at))) +
        times;
    }
    return text;
  }

  /** In what a stored row differs from the entry of the same coupon; null when it is that claim's own. */
  difference(words: Uint32Array, at: number, row: StoredClaim): string | null {
    const [templateId, serial] = [words[at], words[at + 1]];
    const { space } = this.extentOf(templateId, serial)!;
    const differs: string[] = [];
    if (row.userId !== userIdText(words[at + 2], words[at + 3])) differs.push('user');
    if (row.templateId !== templateId) differs.push('template');
    if (row.activityId !== words[at + 4]) differs.push('activity');
    if (row.code !== formatCode(space, codeValue(words, at))) differs.push('code');
    if (row.claimedAtMs !== (words[at + 6] >>> 16) * TWO_32 + words[at + 7]) differs.push('time');
    return differs.length === 0 ? null : differs.join(', ');
  }

  private extentOf(templateId: number, serial: number): CodeExtent | undefined {
    const known = this.known.get(templateId);
    return known && extentOfSerial(known.extents, serial);
  }
}

export type Sifted =
  | { readonly kind: 'new'; readonly words: Uint32Array }
  | ({ readonly kind: 'conflict' } & RowConflict);

/**
 * The entries that have no row yet. A row of the same claim is no news: another flusher, or a member of a rebuilding,
 * was first. One that differs is a conflict, and so are two claims of one unit that differ.
 */
export function sift(
  known: KnownTemplates,
  words: Uint32Array,
  stored: ReadonlyMap<number, StoredClaim>,
): Sifted {
  const kept = new Uint32Array(words.length);
  const seen = new Map<number, number>();
  let used = 0;
  for (let at = 0; at < words.length; at += ENTRY_WORDS) {
    const id = couponId(words[at], words[at + 1]);
    const row = stored.get(id);
    const differs = row === undefined ? null : known.difference(words, at, row);
    if (differs !== null) {
      const detail = `coupon ${id} is in the record store already, with another ${differs}`;
      return { kind: 'conflict', couponId: id, detail };
    }
    const twin = seen.get(id);
    if (twin !== undefined && !isSameEntry(words, at, twin)) {
      return { kind: 'conflict', couponId: id, detail: `coupon ${id} is claimed twice in the log` };
    }
    if (row !== undefined || twin !== undefined) continue;
    seen.set(id, at);
    kept.set(words.subarray(at, at + ENTRY_WORDS), used);
    used += ENTRY_WORDS;
  }
  return { kind: 'new', words: kept.subarray(0, used) };
}

function covers(extent: CodeExtent, templateId: number, serial: number): boolean {
  return (
    extent.templateId === templateId &&
    extent.firstSerial <= serial &&
    serial < extent.firstSerial + extent.length
  );
}

function codeValue(words: Uint32Array, at: number): number {
  return (words[at + 6] & 0xffff) * TWO_32 + words[at + 5];
}

function isSameEntry(words: Uint32Array, a: number, b: number): boolean {
  for (let i = 0; i < ENTRY_WORDS; i++) if (words[a + i] !== words[b + i]) return false;
  return true;
}
