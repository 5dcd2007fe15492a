/** Stored claims as the logs wrote them. */
import { ENTRY_BYTES } from '../../claimlog/entry.ts';
import { SHARED_BLOCK_BYTES, SHARED_BLOCK_MS } from '../../limits.ts';
import type { Session } from './session.ts';

/** Larger batches are cut: a block must fit a packet of the smallest size in use, 1 MiB. */
const BLOCK_BYTES_MAX = 24_000 * ENTRY_BYTES;
/** One page of blocks sent to a rebuilding owner, and how many are looked at for it. */
const PAGE_BYTES = 8 * 1024 * 1024;
const PAGE_BLOCKS = 1024;

const INSERT = 'INSERT INTO claim_blocks (log_id, to_offset, entry_bytes, entries) VALUES (?, ?, ?, ?)';
/** Only the block that ends where the batch begins is grown, whoever has written it. */
const APPEND = `UPDATE claim_blocks SET entries = CONCAT(entries, ?), entry_bytes = entry_bytes + ?, to_offset = ?
  WHERE id = ? AND log_id = ? AND to_offset = ?`;

export interface OpenBlock {
  readonly id: number;
  readonly bytes: number;
  /** When it was made, by this process's monotonic clock. */
  readonly sinceMs: number;
}

/**
 * Stores the entries of a batch, in a new block or at the end of `open`; → the block that may be grown next. The log's
 * watermark must be locked: whoever finds it free and the block old enough knows that it will not grow
 * (records/events/left-blocks.ts).
 */
export async function appendBlock(
  session: Session,
  { logId, fromOffset, toOffset }: { logId: number; fromOffset: number; toOffset: number },
  entries: Uint8Array,
  open: OpenBlock | undefined,
): Promise<OpenBlock> {
  const bytes = (open?.bytes ?? 0) + entries.length;
  const isYoung = open !== undefined && performance.now() - open.sinceMs < SHARED_BLOCK_MS;
  if (isYoung && bytes <= SHARED_BLOCK_BYTES) {
    const values = [entries, entries.length, toOffset, open.id, logId, fromOffset];
    if ((await session.runPrepared(APPEND, values)).matched === 1) return { ...open, bytes };
  }
  return insertBlocks(session, logId, toOffset, entries);
}

/** `toOffset` null: filled in beside the log's order. */
export async function insertBlocks(
  session: Session,
  logId: number,
  toOffset: number | null,
  entries: Uint8Array,
): Promise<OpenBlock> {
  let last = { id: 0, bytes: 0, sinceMs: performance.now() };
  for (let from = 0; from < entries.length; from += BLOCK_BYTES_MAX) {
    const part = entries.subarray(from, from + BLOCK_BYTES_MAX);
    const { insertId } = await session.runPrepared(INSERT, [logId, toOffset, part.length, part]);
    last = { ...last, id: insertId, bytes: part.length };
  }
  return last;
}

export interface BlockPage {
  readonly lastBlock: number;
  readonly entries: Uint8Array[];
}

/** A page of the blocks after `afterBlock`; with `ofLog`, those of one log that end beyond an offset or have none. */
export async function blockPage(
  session: Session,
  afterBlock: number,
  ofLog: { readonly logId: number; readonly fromOffset: number } | null,
): Promise<BlockPage> {
  const where = ofLog === null ? '' : 'AND log_id = ? AND (to_offset IS NULL OR to_offset > ?)';
  const values = ofLog === null ? [] : [ofLog.logId, ofLog.fromOffset];
  const sizes = await session.rows(
    `SELECT id, entry_bytes FROM claim_blocks WHERE id > ? ${where} ORDER BY id LIMIT ${PAGE_BLOCKS}`,
    [afterBlock, ...values],
  );
  let [last, bytes] = [afterBlock, 0];
  for (const [id, size] of sizes) {
    if (bytes >= PAGE_BYTES) break;
    last = Number(id);
    bytes += Number(size);
  }
  if (last === afterBlock) return { lastBlock: afterBlock, entries: [] };
  const rows = await session.rows(
    `SELECT entries FROM claim_blocks WHERE id > ? AND id <= ? ${where} ORDER BY id`,
    [afterBlock, last, ...values],
  );
  // Copied: the driver's are views into its packets, on no word boundary, and a Buffer's slice() copies nothing.
  return { lastBlock: last, entries: rows.map(([entries]) => new Uint8Array(entries as Buffer)) };
}
