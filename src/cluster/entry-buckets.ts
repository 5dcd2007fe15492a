/** Claims of many shards come mixed; each shard's go on together, a bounded number at a time. */
import { ENTRY_WORDS, entryWords } from '../claimlog/entry.ts';
import { FLUSH_BATCH_ENTRIES_MAX } from '../limits.ts';
import { shardOf } from '../ports-ledger.ts';
import { plainBytes } from './plain-bytes.ts';

interface Bucket {
  words: Uint32Array;
  length: number;
}

export class EntryBuckets {
  private readonly buckets = new Map<number, Bucket>();
  private readonly send: (shard: number, entries: Uint8Array) => Promise<void>;

  constructor(shards: Iterable<number>, send: (shard: number, entries: Uint8Array) => Promise<void>) {
    for (const shard of shards) this.buckets.set(shard, { words: new Uint32Array(0), length: 0 });
    this.send = send;
  }

  /** Keeps those of the wanted shards, and sends what is full. */
  async add(entries: Uint8Array): Promise<void> {
    const words = entryWords(plainBytes(entries));
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      const bucket = this.buckets.get(shardOf(words[at]));
      if (bucket === undefined) continue;
      if (bucket.length + ENTRY_WORDS > bucket.words.length) grow(bucket);
      for (let i = 0; i < ENTRY_WORDS; i++) bucket.words[bucket.length + i] = words[at + i];
      bucket.length += ENTRY_WORDS;
    }
    for (const [shard, { length }] of this.buckets)
      if (length >= FLUSH_BATCH_ENTRIES_MAX * ENTRY_WORDS) await this.empty(shard);
  }

  /** Sends what is left. */
  async end(): Promise<void> {
    for (const [shard, { length }] of this.buckets) if (length > 0) await this.empty(shard);
  }

  private async empty(shard: number): Promise<void> {
    const { words, length } = this.buckets.get(shard)!;
    this.buckets.set(shard, { words: new Uint32Array(0), length: 0 });
    const pieceWords = FLUSH_BATCH_ENTRIES_MAX * ENTRY_WORDS;
    for (let from = 0; from < length; from += pieceWords)
      await this.send(shard, new Uint8Array(words.slice(from, Math.min(length, from + pieceWords)).buffer));
  }
}

function grow(bucket: Bucket): void {
  const larger = new Uint32Array(Math.max(64 * ENTRY_WORDS, bucket.words.length * 2));
  larger.set(bucket.words.subarray(0, bucket.length));
  bucket.words = larger;
}
