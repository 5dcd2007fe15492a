/**
 * The wallet cache that nodes share: one Redis hash per owner, which lives for a jittered time from its first field on.
 * A generation is the hash's life: dropping deletes it, and the next one has another name.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { L2Answer, WalletL2 } from './wallet-l2.ts';

/** A connection that rejects at once while the server is away. */
export interface RedisRunner {
  run(
    script: { readonly source: string; readonly sha: string },
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown>;
  readonly commands: { unlink(key: string): Promise<number> };
}

export interface RedisWalletL2Options {
  readonly redis: RedisRunner;
  readonly installation: string;
  readonly ttlMs?: number;
  readonly random?: () => number;
}

const TTL_MS = 60_000;
const JITTER = 0.2;
/** Chunks of the few users who have that many. */
const FIELDS_MAX = 32;

export class RedisWalletL2 implements WalletL2 {
  readonly ttlMsMax: number;
  readonly #redis: RedisRunner;
  readonly #prefix: string;
  readonly #ttlMs: number;
  readonly #random: () => number;

  constructor({ redis, installation, ttlMs = TTL_MS, random = Math.random }: RedisWalletL2Options) {
    this.#redis = redis;
    this.#prefix = `doorbuster:${installation}:wallet:`;
    this.#ttlMs = ttlMs;
    this.#random = random;
    this.ttlMsMax = Math.ceil(ttlMs * (1 + JITTER));
  }

  async get(owner: string, field: string, has: string | null): Promise<L2Answer> {
    const ttlMs = Math.round(this.#ttlMs * (1 - JITTER + 2 * JITTER * this.#random()));
    const fresh = randomBytes(12).toString('base64url');
    const answer = await this.#redis.run(GET, [this.#prefix + owner], [field, has ?? '', fresh, ttlMs]);
    const [generation, value] = answer as [Buffer, Buffer | null];
    return { generation: generation.toString('latin1'), value };
  }

  async set(owner: string, field: string, value: Uint8Array, generation: string): Promise<void> {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    await this.#redis.run(SET, [this.#prefix + owner], [field, generation, bytes, FIELDS_MAX]);
  }

  async drop(owner: string): Promise<void> {
    await this.#redis.commands.unlink(this.#prefix + owner);
  }
}

const GET = script('wallet-get');
const SET = script('wallet-set');

/** `#!lua` (Redis 7): refused before its first line by a server that may not be able to finish it. */
function script(name: string): { source: string; sha: string } {
  const source = `#!lua\n${readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8')}`;
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}
