/** Tells the other nodes that the catalog has changed, and hears it from them. A notice that gets lost costs half a second. */
import type { Redis } from 'ioredis';
import { RedisConnection } from '../ledger/redis/redis-connection.ts';

export interface CatalogBellOptions {
  readonly url: string;
  readonly installation: string;
  /** For publishing: a connection that subscribes can do nothing else. */
  readonly speaker: RedisConnection;
  readonly onRing: () => void;
  /** News come late then: what was saved is seen by looking. */
  readonly onTrouble: (what: string, error: unknown) => void;
}

export class CatalogBell {
  private readonly channel: string;
  private readonly speaker: RedisConnection;
  private readonly onTrouble: CatalogBellOptions['onTrouble'];
  private readonly listener: RedisConnection;

  constructor({ url, installation, speaker, onRing, onTrouble }: CatalogBellOptions) {
    this.channel = `doorbuster:${installation}:catalog`;
    this.speaker = speaker;
    this.onTrouble = onTrouble;
    this.listener = new RedisConnection({
      url,
      onUp: () => {
        const client = this.listener.commands as Redis;
        client.removeAllListeners('message');
        client.on('message', onRing);
        // The client subscribes again by itself after each break.
        client.subscribe(this.channel).catch((error: unknown) => {
          onTrouble('news of the catalog are not heard', error);
        });
      },
    });
  }

  connect(waitMs: number): Promise<void> {
    return this.listener.connect(waitMs);
  }

  ring(): void {
    if (!this.speaker.isUp) return;
    this.speaker.commands.publish(this.channel, '').catch((error: unknown) => {
      this.onTrouble('news of the catalog could not be told', error);
    });
  }

  disconnect(): Promise<void> {
    return this.listener.disconnect();
  }
}
