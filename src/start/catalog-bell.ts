/** Tells the other nodes that the catalog has changed, and hears it from them. A notice that gets lost costs half a second. */
import type { Redis } from 'ioredis';
import { RedisConnection } from '../ledger/redis/redis-connection.ts';

export interface CatalogBellOptions {
  readonly url: string;
  readonly installation: string;
  /** For publishing: a connection that subscribes can do nothing else. */
  readonly speaker: RedisConnection;
  readonly onRing: () => void;
}

export class CatalogBell {
  private readonly channel: string;
  private readonly speaker: RedisConnection;
  private readonly listener: RedisConnection;

  constructor({ url, installation, speaker, onRing }: CatalogBellOptions) {
    this.channel = `doorbuster:${installation}:catalog`;
    this.speaker = speaker;
    this.listener = new RedisConnection({
      url,
      onUp: () => {
        const client = this.listener.commands as Redis;
        client.removeAllListeners('message');
        client.on('message', onRing);
        // The client subscribes again by itself after each break.
        client.subscribe(this.channel).catch(() => {});
      },
    });
  }

  connect(waitMs: number): Promise<void> {
    return this.listener.connect(waitMs);
  }

  ring(): void {
    if (this.speaker.isUp) this.speaker.commands.publish(this.channel, '').catch(() => {});
  }

  disconnect(): Promise<void> {
    return this.listener.disconnect();
  }
}
