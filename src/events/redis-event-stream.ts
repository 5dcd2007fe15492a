/**
 * The Redis stream of events. It knows itself up to where it goes: the last entry of each batch carries the position
 * behind it. So what Redis has lost, or has although nobody heard its answer, shows, and of two nodes that append at once
 * one is refused.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { EVENT_STREAM_MAX } from '../limits.ts';
import type { StoredEvent } from '../ports-events.ts';
import { eventJson } from './event-json.ts';

/** A connection that rejects at once while the server is away. */
export interface StreamRedis {
  run(
    script: { readonly source: string; readonly sha: string },
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown>;
  readonly commands: {
    xrevrange(
      key: string,
      end: string,
      start: string,
      count: 'COUNT',
      n: number,
    ): Promise<[string, string[]][]>;
  };
}

export interface EventStream {
  /** Up to where the stream goes; null: it is empty, or was ended by somebody else. */
  position(): Promise<string | null>;
  /** false: the stream does not go up to `from` (null: nowhere), and nothing was appended. */
  append(from: string | null, events: readonly StoredEvent[], next: string): Promise<boolean>;
}

export class RedisEventStream implements EventStream {
  readonly key: string;
  private readonly redis: StreamRedis;
  private readonly lengthMax: number;

  constructor(redis: StreamRedis, installation: string, lengthMax = EVENT_STREAM_MAX) {
    this.redis = redis;
    this.key = `doorbuster:${installation}:events`;
    this.lengthMax = lengthMax;
  }

  async position(): Promise<string | null> {
    const [last] = await this.redis.commands.xrevrange(this.key, '+', '-', 'COUNT', 1);
    const fields = last?.[1] ?? [];
    const at = fields.findIndex((name, i) => i % 2 === 0 && name === 'position');
    return at < 0 ? null : fields[at + 1]!;
  }

  async append(from: string | null, events: readonly StoredEvent[], next: string): Promise<boolean> {
    const args: (string | number)[] = [from ?? '', this.lengthMax];
    events.forEach((event, i) => {
      const isLast = i === events.length - 1;
      const fields = Object.entries({ ...eventJson(event), ...(isLast ? { position: next } : {}) }).flat();
      args.push(fields.length, ...fields);
    });
    return (await this.redis.run(APPEND, [this.key], args)) === 1;
  }
}

/** `#!lua` (Redis 7): refused before its first line by a server that may not be able to finish it. */
const source = `#!lua\n${readFileSync(new URL('./append-events.lua', import.meta.url), 'utf8')}`;
const APPEND = { source, sha: createHash('sha1').update(source).digest('hex') };
