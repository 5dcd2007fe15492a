/**
 * The tables of a coupon's later life as both databases are asked for them: in the order of a key, each page after the
 * last row of the one before.
 */
import type { Cell } from '../records/redemptions/steps.ts';
import type {
  CatalogEventFact,
  EventFact,
  Pages,
  RedemptionFact,
  ReturnFact,
  SubjectFact,
  UsageFact,
} from './life-facts.ts';

interface Key {
  readonly column: string;
  readonly isText: boolean;
}

export interface LifeTable<T> {
  readonly name: string;
  /** Integers that may be too large for a number leave the database as text. The columns of the key come first. */
  readonly columns: readonly string[];
  /** One or two columns. */
  readonly keys: readonly Key[];
  /** In the order of the key, where that is not the table's own. */
  readonly index?: string;
  /** Rows of a page: bounded, whatever is in one of them. */
  readonly pageRows: number;
  readonly read: (cells: readonly Cell[]) => T;
}

const number = (column: string): Key => ({ column, isText: false });
const asText = (column: string): string => `CAST(${column} AS CHAR)`;
const msOrNull = (cell: Cell): number | null => (cell === null ? null : Number(cell));
const textOrNull = (cell: Cell): string | null => (cell === null ? null : String(cell));

export const EVENTS: LifeTable<EventFact> = {
  name: 'coupon_events',
  keys: [number('coupon_id'), number('sequence')],
  index: 'coupon_events_coupon',
  columns: [asText('coupon_id'), asText('sequence'), 'kind', 'at', 'redemption_id', 'detail'],
  pageRows: 4096,
  read: ([couponId, sequence, kind, at, redemptionId, detail]) => ({
    couponId: Number(couponId),
    sequence: Number(sequence),
    kind: Number(kind),
    atMs: Number(at),
    redemptionId: msOrNull(redemptionId!),
    detail: textOrNull(detail!),
  }),
};

export const REDEMPTIONS: LifeTable<RedemptionFact> = {
  name: 'redemptions',
  keys: [number('id')],
  columns: [
    asText('id'),
    asText('user_id'),
    'order_id',
    'live_order',
    'state',
    'locked_at',
    'locked_until',
    'used_at',
    'ended_at',
    'is_verified',
    'frozen',
    'returned',
  ],
  // An order of 500 lines with its quote has some 100 kB.
  pageRows: 128,
  read: (cells) => ({
    redemptionId: Number(cells[0]),
    userId: String(cells[1]),
    orderId: String(cells[2]),
    liveOrder: textOrNull(cells[3]!),
    state: Number(cells[4]),
    lockedAtMs: Number(cells[5]),
    lockedUntilMs: Number(cells[6]),
    usedAtMs: msOrNull(cells[7]!),
    endedAtMs: msOrNull(cells[8]!),
    isVerified: Number(cells[9]) === 1,
    frozen: String(cells[10]),
    returned: String(cells[11]),
  }),
};

export const USAGES: LifeTable<UsageFact> = {
  name: 'usages',
  keys: [number('redemption_id'), number('coupon_id')],
  columns: [
    asText('redemption_id'),
    asText('coupon_id'),
    asText('user_id'),
    'template_id',
    'order_id',
    'original',
    'discount',
    'final',
    'used_at',
    'reverted_at',
  ],
  pageRows: 2048,
  read: (cells) => ({
    redemptionId: Number(cells[0]),
    couponId: Number(cells[1]),
    userId: String(cells[2]),
    templateId: Number(cells[3]),
    orderId: String(cells[4]),
    original: Number(cells[5]),
    discount: Number(cells[6]),
    final: Number(cells[7]),
    usedAtMs: Number(cells[8]),
    revertedAtMs: msOrNull(cells[9]!),
  }),
};

export const RETURNS: LifeTable<ReturnFact> = {
  name: 'returns',
  keys: [number('redemption_id'), { column: 'return_id', isText: true }],
  columns: [asText('redemption_id'), 'return_id', 'receipt', 'returned_at'],
  pageRows: 1024,
  read: ([redemptionId, returnId, receipt, returnedAt]) => ({
    redemptionId: Number(redemptionId),
    returnId: String(returnId),
    receipt: String(receipt),
    returnedAtMs: Number(returnedAt),
  }),
};

export const CATALOG_EVENTS: LifeTable<CatalogEventFact> = {
  name: 'catalog_events',
  keys: [number('id')],
  columns: [
    asText('id'),
    'subject',
    asText('subject_id'),
    asText('template_id'),
    'sequence',
    'kind',
    'at',
    'stock',
  ],
  pageRows: 4096,
  read: ([, subject, subjectId, templateId, sequence, kind, at, stock]) => ({
    subject: Number(subject),
    subjectId: Number(subjectId),
    templateId: Number(templateId),
    sequence: Number(sequence),
    kind: Number(kind),
    atMs: Number(at),
    stock: msOrNull(stock!),
  }),
};

export const SUBJECTS: LifeTable<SubjectFact> = {
  name: 'event_subjects',
  keys: [number('subject'), number('subject_id')],
  columns: [
    'subject',
    asText('subject_id'),
    asText('template_id'),
    'sequence',
    'began_as',
    'phase',
    'told_at',
    'stock',
  ],
  pageRows: 4096,
  read: (cells) => {
    const [subject, subjectId, templateId, sequence, beganAs, phase, toldAtMs, stock] = cells.map(Number);
    return {
      subject: subject!,
      subjectId: subjectId!,
      templateId: templateId!,
      sequence: sequence!,
      beganAs: beganAs!,
      phase: phase!,
      toldAtMs: toldAtMs!,
      stock: stock!,
    };
  },
};

/**
 * `fetch` answers a page: the rows of `table` where `where` holds, in its order; `values` are for its placeholders. Each
 * page begins with the last key of the one before, whose rows come only then: a key that is there twice, because
 * somebody has dropped the index that forbids it, is not cut in two.
 */
export async function* pagesOf<T>(
  table: LifeTable<T>,
  fetch: (where: string, values: readonly string[]) => Promise<readonly (readonly Cell[])[]>,
): Pages<T> {
  const { keys, pageRows, read } = table;
  let page = await fetch('', []);
  while (page.length === pageRows) {
    const last = page[pageRows - 1]!.slice(0, keys.length).map(String);
    let before = pageRows - 1;
    while (before > 0 && last.every((key, i) => key === String(page[before - 1]![i]))) before--;
    // Nothing but one key in a whole page: on behind it.
    yield page.slice(0, before === 0 ? pageRows : before).map(read);
    const { where, values } = fromKey(keys, last, before === 0 ? '>' : '>=');
    page = await fetch(where, values);
  }
  if (page.length > 0) yield page.map(read);
}

export function orderOf({ keys, pageRows }: LifeTable<unknown>): string {
  return `ORDER BY ${keys.map(({ column }) => column).join(', ')} LIMIT ${pageRows}`;
}

/** Spelt out, and with a plain bound of the first column: not every database uses its index to compare rows. */
function fromKey(
  keys: readonly Key[],
  last: readonly string[],
  end: '>' | '>=',
): { readonly where: string; readonly values: readonly string[] } {
  const place = ({ isText }: Key): string => (isText ? '?' : 'CAST(? AS SIGNED)');
  const [first, second] = keys;
  const bound = `${first!.column} ${second === undefined ? end : '>='} ${place(first!)}`;
  if (second === undefined) return { where: `WHERE ${bound}`, values: last };
  return {
    where: `WHERE ${bound} AND (${first!.column} > ${place(first!)} OR ${second.column} ${end} ${place(second)})`,
    values: [last[0]!, ...last],
  };
}
