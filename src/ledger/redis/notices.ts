/** Hears what shards tell all nodes, on a connection of its own that subscribes again whenever it was broken. */
import type { Redis } from 'ioredis';
import { SHARDS, type ShardNotice } from '../../ports-ledger.ts';
import { ShardKeys } from './keys.ts';
import { RedisConnection, type RedisSettings } from './redis-connection.ts';

export class NoticeListener {
  private readonly settings: RedisSettings;
  private readonly connection: RedisConnection;
  private readonly shards = new Map<string, number>();
  private readonly listeners: ((notice: ShardNotice) => void)[] = [];

  constructor(settings: RedisSettings, installation: string) {
    this.settings = settings;
    for (let shard = 0; shard < SHARDS; shard++)
      this.shards.set(new ShardKeys(installation, shard).notices, shard);
    this.connection = new RedisConnection({ ...settings, onUp: () => this.subscribe(), onDown: () => {} });
  }

  on(listener: (notice: ShardNotice) => void): void {
    this.listeners.push(listener);
  }

  async connect(waitMs?: number): Promise<void> {
    await this.connection.connect(waitMs);
  }

  async disconnect(): Promise<void> {
    await this.connection.disconnect();
  }

  private subscribe(): void {
    const client = this.connection.commands as Redis;
    client.removeAllListeners('message');
    client.on('message', (channel: string, text: string) => {
      const shard = this.shards.get(channel);
      if (shard === undefined) return;
      const notice = parse(shard, text);
      for (const listener of this.listeners) listener(notice);
    });
    // The client repeats it by itself after each break; this is the first time, or a new client.
    // Without it everything is seen by looking, which is later.
    client.subscribe(...this.shards.keys()).catch((error: unknown) => {
      this.settings.onTrouble?.('notices of Redis are not heard', error);
    });
  }
}

function parse(shard: number, text: string): ShardNotice {
  const [kind, ...fields] = text.split('|');
  if (kind === 'head') return { kind, shard, head: Number(fields[0]) };
  const ref = { templateId: Number(fields[0]), activityId: Number(fields[1]) };
  if (kind === 'recall') return { kind, shard, ref, all: fields[2] === '1' };
  return { kind: kind === 'moved' ? 'moved' : 'stock', shard, ref };
}
