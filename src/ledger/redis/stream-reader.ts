/** The claim stream of an incarnation. An item holds what one batch accepted; its id tells the position behind it. */

import { ENTRY_BYTES } from '../../claimlog/entry.ts';
import type { ShardKeys } from './keys.ts';
import type { RedisConnection } from './redis-connection.ts';

/** The claims asked for are not in the stream (any more): trimmed, or the incarnation is gone. */
export class StreamTrimmed extends Error {
  override readonly name = 'StreamTrimmed';
}

type Item = readonly [id: Buffer, fields: readonly [name: Buffer, entries: Buffer]];

const ITEMS_FIRST = 16;
const ITEMS_MAX = 1_000;

async function headOf(
  connection: RedisConnection,
  keys: ShardKeys,
  incarnation: number,
): Promise<number | null> {
  const [present, head] = await connection.commands.hmget(keys.meta, 'incarnation', 'head');
  return present === String(incarnation) ? Number(head) : null;
}

/**
 * Entries from position `from` on, about `max` of them. An item may hold one claim or thousands, so it is asked for
 * few at first and then for as many as the last ones let expect.
 */
export async function readStream(
  connection: RedisConnection,
  keys: ShardKeys,
  incarnation: number,
  from: number,
  max: number,
): Promise<Uint8Array> {
  const key = keys.of(incarnation, 'stream');
  const parts: Buffer[] = [];
  let position = from;
  let count = ITEMS_FIRST;
  while (position - from < max) {
    const asked = [key, `${position + 1}-0`, '+', 'COUNT', count];
    const items = (await connection.commands.callBuffer('XRANGE', asked)) as Item[];
    for (const [id, [, entries]] of items) {
      const end = Number.parseInt(String(id), 10);
      const begin = end - entries.length / ENTRY_BYTES;
      // Only the first item may begin before what is asked for.
      const joins = position === from ? begin <= from : begin === position;
      if (!joins || end <= position)
        throw new StreamTrimmed(`claims ${position}–${begin} are not in stream ${key} any more`);
      parts.push(entries.subarray((position - begin) * ENTRY_BYTES));
      position = end;
    }
    if (items.length < count) break;
    const perItem = (position - from) / items.length;
    count = Math.min(ITEMS_MAX, Math.max(1, Math.ceil((max - (position - from)) / perItem)));
  }
  if (position === from) await assertNothingAfter(connection, keys, incarnation, from);
  return Buffer.concat(parts);
}

/** An empty answer is the end of the stream only when the shard says so, too. */
async function assertNothingAfter(
  connection: RedisConnection,
  keys: ShardKeys,
  incarnation: number,
  from: number,
): Promise<void> {
  const head = await headOf(connection, keys, incarnation);
  if (head === null) throw new StreamTrimmed(`incarnation ${incarnation} is not there`);
  if (head <= from) return;
  // The head may have moved between the two calls: then there is something now.
  const key = keys.of(incarnation, 'stream');
  const [item] = await connection.commands.xrange(key, `${from + 1}-0`, '+', 'COUNT', 1);
  if (item === undefined) throw new StreamTrimmed(`claims ${from}–${head} are not in stream ${key} any more`);
}

export async function startOf(
  connection: RedisConnection,
  keys: ShardKeys,
  incarnation: number,
): Promise<number | null> {
  const head = await headOf(connection, keys, incarnation);
  if (head === null) return null;
  const asked = [keys.of(incarnation, 'stream'), '-', '+', 'COUNT', 1];
  const [item] = (await connection.commands.callBuffer('XRANGE', asked)) as Item[];
  if (item === undefined) return head;
  const [id, [, entries]] = item;
  return Number.parseInt(String(id), 10) - entries.length / ENTRY_BYTES;
}

/** The item that holds `position` stays, and all after it. */
export async function trimStream(
  connection: RedisConnection,
  keys: ShardKeys,
  incarnation: number,
  position: number,
): Promise<void> {
  await connection.commands.xtrim(keys.of(incarnation, 'stream'), 'MINID', `${position + 1}-0`);
}
