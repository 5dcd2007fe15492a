/** Whether a caller may use a route: 401 when nothing was proven, 403 when what was proven is not enough. */

import {
  type Caller,
  type HeaderReader,
  NO_CREDENTIALS,
  requireOperator,
  requireService,
  requireUser,
} from '../auth/caller.ts';
import type { Authenticator } from '../auth/credentials.ts';
import { ok, type Result } from '../problems.ts';
import type { Access } from './route.ts';

const ANONYMOUS: Caller = { userId: null, service: false, operator: false };
const CREDENTIAL_HEADERS = ['authorization', 'x-user-id', 'x-gateway-key'];

export function admit(
  access: Access,
  authenticator: Pick<Authenticator, 'caller'>,
  header: HeaderReader,
): Result<Caller> {
  const proven = authenticator.caller(header);
  if (!proven.ok) {
    // Wrong credentials are told also where none are needed: a stale token must not silently see less.
    const presented = CREDENTIAL_HEADERS.some((name) => header(name) !== '');
    return access === 'public' && !presented ? ok(ANONYMOUS) : proven;
  }
  const caller = proven.value;
  const enough = judge(access, caller);
  if (enough.ok) return ok(caller);
  const nothingProven = caller.userId === null && !caller.service && !caller.operator;
  return nothingProven ? { ok: false, problem: NO_CREDENTIALS } : enough;
}

function judge(access: Access, caller: Caller): Result<unknown> {
  switch (access) {
    case 'public':
      return ok(caller);
    case 'user':
      return requireUser(caller);
    case 'actor':
      return caller.service ? ok(caller) : requireUser(caller);
    case 'service':
      return requireService(caller);
    case 'operator':
      return requireOperator(caller);
  }
}
