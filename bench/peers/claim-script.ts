/**
 * The classic design's one atomic step, and the Redis keys it works on. The record for the database is pushed by the
 * same script that takes the unit: pushed afterwards by the server, it would be lost with a server that dies between
 * the two. Every redis.call costs, so a win makes five and no more: the number of holders is also the serial.
 *
 * The answer is as cheap to parse as can be: a whole number is the serial just won, 0 is sold out, and a string
 * "serial:claimedAtMs" is what the user holds already.
 */
import { createHash } from 'node:crypto';

/**
 * KEYS[1] units left   KEYS[2] hash user → "serial:claimedAtMs"   KEYS[3] list of records for the database
 * ARGV[1] user id      ARGV[2] now, ms   ARGV[3] template id
 */
export const CLAIM_SCRIPT = `
local held = redis.call('HGET', KEYS[2], ARGV[1])
if held then return held end
if redis.call('DECRBY', KEYS[1], 1) < 0 then
  redis.call('INCRBY', KEYS[1], 1)
  return 0
end
local serial = redis.call('HLEN', KEYS[2]) + 1
redis.call('HSET', KEYS[2], ARGV[1], serial .. ':' .. ARGV[2])
redis.call('RPUSH', KEYS[3], ARGV[3] .. ':' .. serial .. ':' .. ARGV[1] .. ':' .. ARGV[2])
return serial
`;

export const CLAIM_SHA = createHash('sha1').update(CLAIM_SCRIPT).digest('hex');

export interface TemplateKeys {
  readonly stock: string;
  readonly claims: string;
}

export function templateKeys(prefix: string, templateId: number): TemplateKeys {
  return { stock: `${prefix}:${templateId}:stock`, claims: `${prefix}:${templateId}:claims` };
}

/** One for all templates of a peer: one writer empties it. */
export function queueKey(prefix: string): string {
  return `${prefix}:queue`;
}

export interface ClaimRecord {
  readonly templateId: number;
  readonly serial: number;
  /** Decimal: may be beyond what a number holds. */
  readonly userId: string;
  readonly claimedAtMs: number;
}

export function parseRecord(record: string): ClaimRecord {
  const [templateId, serial, userId, claimedAtMs] = record.split(':');
  return {
    templateId: Number(templateId),
    serial: Number(serial),
    userId: userId!,
    claimedAtMs: Number(claimedAtMs),
  };
}
