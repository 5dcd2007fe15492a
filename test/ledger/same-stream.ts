/** The stream in Redis holds the model's claims, from wherever it is read. */
import { expect } from 'vitest';
import { blankEntry, ENTRY_WORDS, entryWords, readEntry } from '../../src/claimlog/entry.ts';
import type { RedisShardLedger } from '../../src/ledger/redis/redis-shard-ledger.ts';
import type { ShardModel } from './model/shard-model.ts';

export function entriesOf(bytes: Uint8Array) {
  const words = entryWords(bytes);
  return Array.from({ length: words.length / ENTRY_WORDS }, (_, i) =>
    readEntry(words, i * ENTRY_WORDS, blankEntry()),
  );
}

export async function expectSameStream(
  ledger: RedisShardLedger,
  model: ShardModel,
  incarnation: number,
): Promise<void> {
  const head = await ledger.head(model.shard, incarnation);
  expect(head).toBe(model.head(incarnation));
  for (let from = 0; from <= (head ?? 0); from += 5) {
    const read = ledger.read(model.shard, incarnation, from, 1_000);
    let expected: Uint8Array;
    try {
      expected = model.read(incarnation, from);
    } catch {
      await expect(read).rejects.toThrow('not in stream');
      continue;
    }
    expect(entriesOf(await read)).toEqual(entriesOf(expected));
  }
}
