/**
 * Reads the shards' streams for the audit of a cluster: the claims that the record store does not have yet stand there,
 * whichever node made them. Local logs only repeat what streams and records have.
 */
import { ENTRY_BYTES, ENTRY_WORDS, entryWords } from '../claimlog/entry.ts';
import { streamLogId } from '../cluster/log-ids.ts';
import type { ShardLedger, ShardStamp } from '../ports-ledger.ts';
import { EntryPacker } from './entry-packer.ts';

const READ_CLAIMS = 8_192;

export class StreamCollector {
  private readonly ledger: Pick<ShardLedger, 'read'>;
  private readonly shards: readonly ShardStamp[];
  private readonly positions = new Map<number, number>();

  constructor(ledger: Pick<ShardLedger, 'read'>, shards: readonly ShardStamp[]) {
    this.ledger = ledger;
    this.shards = shards;
  }

  /** Claims beyond the watermarks, as of now. */
  beyond(watermarks: ReadonlyMap<number, number>): Promise<Uint8Array[]> {
    for (const { shard, incarnation } of this.shards) {
      this.positions.set(shard, (watermarks.get(streamLogId(shard, incarnation)) ?? 0) / ENTRY_BYTES);
    }
    return this.readOn(() => true);
  }

  /** Claims that `isWanted` names and that have come since the last call. */
  since(isWanted: (templateId: number, serial: number) => boolean): Promise<Uint8Array[]> {
    return this.readOn(isWanted);
  }

  private async readOn(isWanted: (templateId: number, serial: number) => boolean): Promise<Uint8Array[]> {
    const packer = new EntryPacker();
    for (const { shard, incarnation } of this.shards) {
      for (;;) {
        const from = this.positions.get(shard)!;
        const entries = await this.ledger.read(shard, incarnation, from, READ_CLAIMS);
        if (entries.byteLength === 0) break;
        this.positions.set(shard, from + entries.byteLength / ENTRY_BYTES);
        const words = entryWords(entries);
        for (let at = 0; at < words.length; at += ENTRY_WORDS)
          if (isWanted(words[at], words[at + 1])) packer.add(words, at, 1);
      }
    }
    return packer.finish();
  }
}
