/** Claims of the classic design as its servers ask for them: one EVALSHA each. */
import { Redis } from 'ioredis';
import { CLAIM_SCRIPT, CLAIM_SHA, queueKey, type TemplateKeys, templateKeys } from './claim-script.ts';

export interface RedisClaimsOptions {
  readonly url: string;
  /** Of all keys: several peers share one Redis. */
  readonly prefix: string;
  /** Whether ioredis sends all commands of one turn of the event loop with one write. */
  readonly autoPipelining: boolean;
}

export type ClaimOutcome =
  | {
      readonly status: 'claimed' | 'already_claimed';
      readonly serial: number;
      readonly claimedAtMs: number;
    }
  | { readonly status: 'sold_out' };

export interface ClaimableTemplate extends TemplateKeys {
  readonly id: number;
  readonly idText: string;
}

const SOLD_OUT: ClaimOutcome = { status: 'sold_out' };

export class RedisClaims {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #queue: string;
  readonly #templates = new Map<string, ClaimableTemplate>();

  constructor({ url, prefix, autoPipelining }: RedisClaimsOptions) {
    this.#redis = new Redis(url, { enableAutoPipelining: autoPipelining });
    this.#prefix = prefix;
    this.#queue = queueKey(prefix);
  }

  async ready(): Promise<void> {
    await this.#redis.script('LOAD', CLAIM_SCRIPT);
  }

  /** Only of templates asked for before: a crowd must not pay for the look-up. */
  knownTemplate(idText: string): ClaimableTemplate | undefined {
    return this.#templates.get(idText);
  }

  /** Asks Redis once per template; null when there is none. */
  async findTemplate(idText: string): Promise<ClaimableTemplate | null> {
    if (!/^[1-9]\d{0,6}$/.test(idText)) return null;
    const id = Number(idText);
    const keys = templateKeys(this.#prefix, id);
    if ((await this.#redis.exists(keys.stock)) === 0) return null;
    const template = { id, idText, ...keys };
    this.#templates.set(idText, template);
    return template;
  }

  /** `userId`: decimal digits. */
  claim(template: ClaimableTemplate, userId: string): Promise<ClaimOutcome> {
    const nowMs = Date.now();
    return this.#evaluate(template, userId, nowMs).then((reply) => decode(reply, nowMs));
  }

  async #evaluate(
    { stock, claims, idText }: ClaimableTemplate,
    userId: string,
    nowMs: number,
  ): Promise<unknown> {
    try {
      return await this.#redis.evalsha(CLAIM_SHA, 3, stock, claims, this.#queue, userId, nowMs, idText);
    } catch (error) {
      // Redis forgets scripts when it restarts. Nothing has been done yet, and EVAL loads the script as it runs it.
      if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
      return this.#redis.eval(CLAIM_SCRIPT, 3, stock, claims, this.#queue, userId, nowMs, idText);
    }
  }
}

function decode(reply: unknown, nowMs: number): ClaimOutcome {
  if (typeof reply === 'number') {
    return reply === 0 ? SOLD_OUT : { status: 'claimed', serial: reply, claimedAtMs: nowMs };
  }
  const [serial, claimedAtMs] = (reply as string).split(':');
  return { status: 'already_claimed', serial: Number(serial), claimedAtMs: Number(claimedAtMs) };
}
