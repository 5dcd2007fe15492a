/**
 * How long the shards' streams are. Whoever must see what was acknowledged anywhere asks for all of them at once: what
 * is asked for within one turn goes to a server as one write, and comes back as one answer.
 */
import { Cluster } from 'ioredis';
import type { ShardKeys } from './keys.ts';
import type { RedisConnection } from './redis-connection.ts';

interface Asked {
  readonly keys: ShardKeys;
  readonly incarnation: number;
  readonly resolve: (head: number | null) => void;
  readonly reject: (error: unknown) => void;
}

export class StreamHeads {
  private readonly connection: RedisConnection;
  private asked: Asked[] = [];

  constructor(connection: RedisConnection) {
    this.connection = connection;
  }

  /** → the position behind the last claim, or null when the incarnation is not there. Rejects when Redis cannot tell. */
  of(keys: ShardKeys, incarnation: number): Promise<number | null> {
    return new Promise((resolve, reject) => {
      if (this.asked.length === 0) queueMicrotask(() => void this.send());
      this.asked.push({ keys, incarnation, resolve, reject });
    });
  }

  private async send(): Promise<void> {
    const asked = this.asked;
    this.asked = [];
    try {
      const client = this.connection.commands;
      if (client instanceof Cluster) {
        // The shards lie on several servers; the client finds out which.
        const ask = ({ keys, incarnation, resolve, reject }: Asked): Promise<void> =>
          client
            .hmget(keys.meta, 'incarnation', 'head')
            .then((meta) => resolve(headOf(meta, incarnation)), reject);
        await Promise.all(asked.map(ask));
        return;
      }
      const calls = client.pipeline();
      for (const { keys } of asked) calls.hmget(keys.meta, 'incarnation', 'head');
      const answers = (await calls.exec()) ?? [];
      for (const [at, { incarnation, resolve, reject }] of asked.entries()) {
        const [error, meta] = answers[at] ?? [new Error('no answer'), null];
        if (error === null) resolve(headOf(meta as (string | null)[], incarnation));
        else reject(error);
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}

function headOf([present, head]: readonly (string | null)[], incarnation: number): number | null {
  return present === String(incarnation) ? Number(head) : null;
}
