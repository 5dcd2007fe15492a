/**
 * Claims out of the blocks they are stored in, from a position on. Blocks are opened by rising ids. The last block of a
 * log grows in place, so a block is left for good only when it cannot grow any more.
 */
import {
  blankEntry,
  type ClaimEntry,
  ENTRY_BYTES,
  ENTRY_WORDS,
  entryWords,
  readEntry,
} from '../../claimlog/entry.ts';
import { couponId } from '../../domain/coupon-id.ts';
import type { EventPosition } from '../../domain/event-position.ts';
import { userIdText } from '../../domain/user-id.ts';
import type { StoredCouponEvent } from '../../ports-events.ts';
import { places } from '../redemptions/steps.ts';
import type { EventSql } from './event-sql.ts';

export interface ClaimsRead {
  readonly events: StoredCouponEvent[];
  readonly block: number;
  readonly open: Map<number, number>;
  /** held: at ids that may still come. full: there are more. all: nothing visible was left out. */
  readonly end: 'all' | 'full' | 'held';
}

interface BlockSize {
  readonly id: number;
  readonly entries: number;
  /** As of the same moment. */
  readonly mayGrow: boolean;
}

/** Entries [from, to) of a block. */
interface Part {
  readonly id: number;
  readonly from: number;
  readonly to: number;
  readonly isWhole: boolean;
}

/** New blocks looked at in one read. */
const BLOCKS_MAX = 256;
/** Open blocks looked at in one statement. */
const IDS_MAX = 1000;

export async function readBlocks(sql: EventSql, position: EventPosition, limit: number): Promise<ClaimsRead> {
  const open = new Map(position.open);
  const parts: Part[] = [];
  /** Blocks of which there was no room for all. */
  const more = new Set<number>();
  let room = limit;
  let left = false;

  const take = ({ id, entries, mayGrow }: BlockSize, from: number): void => {
    const to = Math.min(entries, from + room);
    if (to > from) parts.push({ id, from, to, isWhole: from === 0 && to === entries });
    room -= Math.max(0, to - from);
    if (to < entries) {
      left = true;
      more.add(id);
    }
    if (to < entries || mayGrow) open.set(id, Math.max(from, to));
    else open.delete(id);
  };

  for (const size of await sizesOfIds(sql, [...open.keys()])) take(size, open.get(size.id)!);
  let { block } = position;
  let end: ClaimsRead['end'] = left ? 'full' : 'all';
  if (!left) {
    const sizes = await sizesOf(sql, 'b.id > ?', [block], `LIMIT ${BLOCKS_MAX}`);
    const ids = sizes.map(({ id }) => id);
    const settled = sql.gaps === null ? ids.length : await sql.gaps.blocks.settled(block, ids);
    for (const size of sizes.slice(0, settled)) {
      if (room === 0) {
        left = true;
        break;
      }
      take(size, 0);
      block = size.id;
    }
    if (left || sizes.length === BLOCKS_MAX) end = 'full';
    else if (settled < sizes.length) end = 'held';
  }
  if (sql.left !== null) {
    const whole = [...open].flatMap(([id, entries]) =>
      more.has(id) ? [] : [{ id, bytes: entries * ENTRY_BYTES }],
    );
    for (const id of await sql.left.among(whole)) open.delete(id);
  }
  return { events: await claimsIn(sql, parts), block, open, end };
}

/** Where everything stored by now has been read. */
export async function endOfBlocks(sql: EventSql): Promise<Pick<EventPosition, 'block' | 'open'>> {
  const block = await sql.endOfIds('claim_blocks');
  const ids = (await sql.rows(sql.growing, [])).filter(([id]) => id !== null).map(([id]) => Number(id));
  const open = new Map<number, number>();
  for (const { id, entries, mayGrow } of await sizesOfIds(sql, ids))
    if (mayGrow && id <= block) open.set(id, entries);
  return { block, open };
}

/** The id before the blocks with the last `count` claims up to `block`. */
export async function blocksBefore(sql: EventSql, block: number, count: number): Promise<number> {
  let [at, claims] = [block, 0];
  while (claims < count) {
    const sizes = await sizesOf(sql, 'b.id <= ?', [at], `DESC LIMIT ${BLOCKS_MAX}`);
    if (sizes.length === 0) return 0;
    for (const { id, entries } of sizes) {
      at = id - 1;
      claims += entries;
      if (claims >= count) break;
    }
  }
  return at;
}

async function sizesOfIds(sql: EventSql, ids: readonly number[]): Promise<BlockSize[]> {
  const sizes: BlockSize[] = [];
  for (let at = 0; at < ids.length; at += IDS_MAX) {
    const some = ids.slice(at, at + IDS_MAX);
    sizes.push(...(await sizesOf(sql, `b.id IN (${places(some.length)})`, some, '')));
  }
  return sizes;
}

async function sizesOf(
  sql: EventSql,
  where: string,
  values: readonly number[],
  behind: string,
): Promise<BlockSize[]> {
  const rows = await sql.rows(
    `SELECT b.id, ${sql.blockBytes}, ${sql.mayGrow} FROM claim_blocks b WHERE ${where} ORDER BY b.id ${behind}`,
    values,
  );
  return rows.map(([id, bytes, mayGrow]) => ({
    id: Number(id),
    entries: Number(bytes) / ENTRY_BYTES,
    mayGrow: Number(mayGrow) === 1,
  }));
}

/** In the order of the parts. */
async function claimsIn(sql: EventSql, parts: readonly Part[]): Promise<StoredCouponEvent[]> {
  const bytes = new Map<number, Uint8Array>();
  const whole = parts.filter(({ isWhole }) => isWhole).map(({ id }) => id);
  if (whole.length > 0) {
    const rows = await sql.rows(
      `SELECT id, entries FROM claim_blocks WHERE id IN (${places(whole.length)})`,
      whole,
    );
    for (const [id, entries] of rows) bytes.set(Number(id), bytesOf(entries));
  }
  for (const { id, from, to, isWhole } of parts) {
    if (isWhole) continue;
    const [row] = await sql.rows('SELECT SUBSTR(entries, ?, ?) FROM claim_blocks WHERE id = ?', [
      from * ENTRY_BYTES + 1,
      (to - from) * ENTRY_BYTES,
      id,
    ]);
    bytes.set(id, bytesOf(row![0]));
  }
  const into = blankEntry();
  return parts.flatMap(({ id, from, to }) => {
    // A whole one may have grown since it was measured.
    const words = entryWords(bytes.get(id)!.subarray(0, (to - from) * ENTRY_BYTES));
    return Array.from({ length: to - from }, (_, i) => claimOf(readEntry(words, i * ENTRY_WORDS, into)));
  });
}

/** Copied to a word boundary; one library hands out bare ArrayBuffers, the other views into its packets. */
function bytesOf(cell: unknown): Uint8Array {
  return new Uint8Array(cell as ArrayBuffer | Uint8Array);
}

function claimOf({
  templateId,
  serial,
  userLo,
  userHi,
  activityId,
  claimedAtMs,
}: ClaimEntry): StoredCouponEvent {
  return {
    subject: 'coupon',
    couponId: couponId(templateId, serial),
    userId: userIdText(userLo, userHi),
    templateId,
    activityId: activityId === 0 ? null : activityId,
    sequence: 1,
    kind: 'claimed',
    atMs: claimedAtMs,
    redemptionId: null,
    detail: null,
  };
}
