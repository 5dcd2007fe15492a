/**
 * The wallet cache that nodes share: one Redis hash per owner, which lives for a jittered time from its first field on.
 * A generation is the hash's life: dropping deletes it, and the next one has another name. While changes are announced
 * the hash holds these, and no generation begins.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { RPC_DEADLINE_MS } from '../limits.ts';
import type { L2Answer, WalletL2 } from './wallet-l2.ts';

/** A connection that rejects at once while the server is away. */
export interface RedisRunner {
  run(
    script: { readonly source: string; readonly sha: string },
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown>;
}

export interface RedisWalletL2Options {
  readonly redis: RedisRunner;
  readonly installation: string;
  readonly ttlMs?: number;
  /** After this an announced change cannot come any more, whoever was to make it. */
  readonly changeMsMax?: number;
  readonly random?: () => number;
}

const TTL_MS = 60_000;
const JITTER = 0.2;
/** A call to the record store is given up before; what its server still has of it then ends with a wait for a lock. */
const CHANGE_MS_MAX = RPC_DEADLINE_MS + 15_000;
/** Chunks of the few users who have that many. */
const FIELDS_MAX = 32;

export class RedisWalletL2 implements WalletL2 {
  readonly ttlMsMax: number;
  readonly #redis: RedisRunner;
  readonly #prefix: string;
  readonly #ttlMs: number;
  readonly #changeMsMax: number;
  readonly #random: () => number;

  constructor(options: RedisWalletL2Options) {
    const {
      redis,
      installation,
      ttlMs = TTL_MS,
      changeMsMax = CHANGE_MS_MAX,
      random = Math.random,
    } = options;
    this.#redis = redis;
    this.#prefix = `doorbuster:${installation}:wallet:`;
    this.#ttlMs = ttlMs;
    this.#changeMsMax = changeMsMax;
    this.#random = random;
    this.ttlMsMax = Math.ceil(ttlMs * (1 + JITTER));
  }

  async get(owner: string, field: string, has: string | null): Promise<L2Answer> {
    const ttlMs = Math.round(this.#ttlMs * (1 - JITTER + 2 * JITTER * this.#random()));
    const fresh = randomBytes(12).toString('base64url');
    const answer = await this.#redis.run(GET, [this.#prefix + owner], [field, has ?? '', fresh, ttlMs]);
    const [generation, value] = answer as [Buffer | null, Buffer | null];
    return { generation: generation === null ? null : generation.toString('latin1'), value };
  }

  async set(owner: string, field: string, value: Uint8Array, generation: string): Promise<void> {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    await this.#redis.run(SET, [this.#prefix + owner], [field, generation, bytes, FIELDS_MAX]);
  }

  async announce(owner: string, change: string): Promise<void> {
    await this.#redis.run(ANNOUNCE, [this.#prefix + owner], [change, this.#changeMsMax]);
  }

  async drop(owner: string, change: string | null): Promise<void> {
    await this.#redis.run(DROP, [this.#prefix + owner], [change ?? '']);
  }
}

const GET = script('wallet-get');
const SET = script('wallet-set');
const ANNOUNCE = script('wallet-announce');
const DROP = script('wallet-drop');

/** `#!lua` (Redis 7): refused before its first line by a server that may not be able to finish it. */
function script(name: string): { source: string; sha: string } {
  const source = `#!lua\n${readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8')}`;
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}
