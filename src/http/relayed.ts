/** A request on its way from whoever holds the socket to whoever answers it, perhaps in another thread. */
import type { Caller } from '../auth/caller.ts';
import { Overloaded, type Problem, problem, Unavailable } from '../problems.ts';
import type { Method } from './route.ts';

/** A request as plain values, which can be sent to another thread. */
export interface RelayedRequest {
  readonly method: Method;
  readonly path: string;
  /** Without `?`. */
  readonly query: string;
  /** The first of each name, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly caller: Caller;
  readonly body: Uint8Array;
}

export interface FaultLog {
  error(fields: object, message: string): void;
}

/** What is answered when a handler throws. */
export function failed(request: string, error: unknown, log: FaultLog): Problem {
  if (error instanceof Unavailable) {
    log.error({ request, reason: error.message }, 'request could not be served');
    return error instanceof Overloaded
      ? problem('overloaded', 'Too much is being asked at once; try again.')
      : problem('unavailable', 'What this needs cannot be reached at the moment.');
  }
  log.error({ err: error, request }, 'request failed');
  return problem('internal', 'The server could not handle this request; its log says why.');
}
