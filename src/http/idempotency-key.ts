/** The Idempotency-Key of a request: null without one. */
import { IDEMPOTENCY_KEY_CHARS_MAX } from '../limits.ts';
import { ok, type Result } from '../problems.ts';
import type { Ctx, Reply } from './route.ts';
import { invalidFields } from './validation.ts';

export function idempotencyKey(header: (lowerCaseName: string) => string): Result<string | null> {
  const key = header('idempotency-key');
  if (key === '') return ok(null);
  if (key.length <= IDEMPOTENCY_KEY_CHARS_MAX && /^[\x21-\x7e]+$/.test(key)) return ok(key);
  return invalidFields([
    {
      field: 'Idempotency-Key',
      problem: `is ${key.length} characters`,
      allowed: `1 to ${IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters without spaces`,
    },
  ]);
}

/** Runs `work` with the key of the request, or refuses the key. */
export async function withKey(ctx: Pick<Ctx, 'header'>, work: (key: string | null) => Reply): Reply {
  const key = idempotencyKey(ctx.header);
  return key.ok ? work(key.value) : key.problem;
}
