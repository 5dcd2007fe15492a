/** Callers that a gateway in front has authenticated: it names them in X-User-Id, and proves itself by its key. */
import { parseUserId } from '../domain/user-id.ts';
import { ok, type Result } from '../problems.ts';
import { type Caller, type HeaderReader, WRONG_GATEWAY_KEY, WRONG_TOKEN, WRONG_USER_ID } from './caller.ts';
import {
  type Authenticator,
  bearerOf,
  lasting,
  type Matcher,
  NOT_AUTHENTICATED,
  OPERATOR,
  refuse,
  SERVICE,
  userOf,
} from './credentials.ts';

/** `isGatewayKey`: null where none is asked for. */
export function gatewayAuthenticator(isAdminToken: Matcher, isGatewayKey: Matcher | null): Authenticator {
  const scratch = new Uint32Array(2);

  function caller(header: HeaderReader): Result<Caller> {
    const key = isGatewayKey === null ? '' : header('x-gateway-key');
    if (key !== '' && !isGatewayKey!(key)) return refuse(WRONG_GATEWAY_KEY);
    const token = bearerOf(header);
    const operator = token !== null && isAdminToken(token);
    if (token !== null && !operator && key === '') return refuse(WRONG_TOKEN);
    const userId = header('x-user-id');
    if (userId === '') return operator ? ok(OPERATOR) : key !== '' ? ok(SERVICE) : NOT_AUTHENTICATED;
    // Whoever sends X-User-Id must be believed: by the key, as an operator, or because no key is asked for.
    if (isGatewayKey !== null && key === '' && !operator) return NOT_AUTHENTICATED;
    if (!parseUserId(userId, scratch)) return refuse(WRONG_USER_ID);
    return ok({ userId, service: operator, operator });
  }

  return {
    caller,
    credential: (header) => {
      const proven = caller(header);
      return proven.ok ? ok(lasting(proven.value)) : proven;
    },
    fromToken: (token) => {
      if (isAdminToken(token)) return ok(lasting(OPERATOR));
      return isGatewayKey?.(token) ? ok(lasting(SERVICE)) : refuse(WRONG_TOKEN);
    },
    isGateway: (header) => isGatewayKey?.(header('x-gateway-key')) ?? false,
    claimUser: (header, words) => {
      const userId = header('x-user-id');
      if (userId !== '' && (isGatewayKey === null || isGatewayKey(header('x-gateway-key')))) {
        return parseUserId(userId, words) ? 'ok' : WRONG_USER_ID;
      }
      return userOf(caller(header), words);
    },
  };
}
