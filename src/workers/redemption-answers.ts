/**
 * Redemptions on their way between threads. What a lock froze, the most of them by far, travels as the text it is stored
 * as: that is copied as it is, where an object is taken apart and put together again field by field.
 */
import type { Frozen } from '../ports-coupons.ts';
import { textOf } from '../records/redemptions/frozen-text.ts';

interface Bearer {
  readonly redemption?: unknown;
  readonly redemptions?: unknown;
  readonly frozen?: unknown;
}

/** An answer of the port as it is to be sent. */
export function packAnswer(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(packAnswer);
  if (typeof answer !== 'object' || answer === null) return answer;
  const { frozen, redemption, redemptions } = answer as Bearer;
  if (frozen !== undefined) return { ...answer, frozen: textOf(frozen as Frozen) };
  if (redemption !== undefined) return { ...answer, redemption: packAnswer(redemption) };
  if (redemptions !== undefined) return { ...answer, redemptions: packAnswer(redemptions) };
  return answer;
}

/** The same where it arrives; `packed` is the caller's alone, and is changed. */
export function unpackAnswer(packed: unknown): unknown {
  if (Array.isArray(packed)) for (const one of packed) unpackAnswer(one);
  if (typeof packed !== 'object' || packed === null) return packed;
  const bearer = packed as { -readonly [K in keyof Bearer]: Bearer[K] };
  if (bearer.frozen !== undefined) bearer.frozen = JSON.parse(bearer.frozen as string);
  unpackAnswer(bearer.redemption);
  unpackAnswer(bearer.redemptions);
  return packed;
}
