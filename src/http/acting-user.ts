/** For whom a call acts: users for themselves, services for the one they name. */
import type { Caller } from '../auth/caller.ts';
import { NO_CREDENTIALS, USER_NEEDED } from '../auth/caller.ts';
import type { Asker } from '../operations/redemptions.ts';
import type { Result } from '../problems.ts';
import { invalidFields } from './validation.ts';

/** `named`: `userId` of the body, or null. */
export function actingUser(caller: Caller, named: string | null): Result<Asker> {
  if (named === null) {
    if (caller.userId !== null) return { ok: true, value: { userId: caller.userId, isService: false } };
    if (!caller.service) return { ok: false, problem: NO_CREDENTIALS };
    return invalidFields([
      { field: 'userId', problem: 'is missing', allowed: 'the user for whom this service acts' },
    ]);
  }
  if (caller.userId === named) return { ok: true, value: { userId: named, isService: false } };
  if (caller.userId !== null || !caller.service) return { ok: false, problem: USER_NEEDED };
  return { ok: true, value: { userId: named, isService: true } };
}

/** Whose a thing must be for this caller to see it; null: anybody's. */
export function onlyOf(caller: Caller): Result<string | null> {
  if (caller.userId !== null) return { ok: true, value: caller.userId };
  return caller.service ? { ok: true, value: null } : { ok: false, problem: NO_CREDENTIALS };
}
