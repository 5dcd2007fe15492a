/**
 * The one table of refusals and errors. Every answer that is not a success, on HTTP, WebSocket and later gRPC,
 * carries a code from here; status, gRPC status and title follow from it. Codes are stable: clients branch on them.
 */
export const PROBLEMS = {
  // claims
  sold_out: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Sold out' },
  limit_reached: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Limit per user reached' },
  not_started: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Not started' },
  ended: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Ended' },
  not_active: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Not active' },
  not_eligible: { status: 403, grpc: 'PERMISSION_DENIED', title: 'Not eligible' },
  rate_limited: { status: 429, grpc: 'RESOURCE_EXHAUSTED', title: 'Too many requests' },
  unavailable: { status: 503, grpc: 'UNAVAILABLE', title: 'Temporarily unavailable' },
  overloaded: { status: 503, grpc: 'UNAVAILABLE', title: 'Overloaded' },
  // callers
  unauthenticated: { status: 401, grpc: 'UNAUTHENTICATED', title: 'Credentials required' },
  forbidden: { status: 403, grpc: 'PERMISSION_DENIED', title: 'Insufficient credentials' },
  // requests
  invalid_request: { status: 400, grpc: 'INVALID_ARGUMENT', title: 'Invalid request' },
  malformed_json: { status: 400, grpc: 'INVALID_ARGUMENT', title: 'Malformed JSON' },
  not_found: { status: 404, grpc: 'NOT_FOUND', title: 'Not found' },
  method_not_allowed: { status: 405, grpc: 'UNIMPLEMENTED', title: 'Method not allowed' },
  payload_too_large: { status: 413, grpc: 'INVALID_ARGUMENT', title: 'Request body too large' },
  // operators
  name_taken: { status: 409, grpc: 'ALREADY_EXISTS', title: 'Name already taken' },
  invalid_state: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Not possible in this state' },
  field_frozen: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Field is frozen once published' },
  insufficient_stock: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Not enough unsold units' },
  code_space_full: { status: 409, grpc: 'RESOURCE_EXHAUSTED', title: 'Code space exhausted' },
  idempotency_conflict: {
    status: 409,
    grpc: 'FAILED_PRECONDITION',
    title: 'Idempotency-Key used for another request',
  },
  // orders
  duplicate_coupon: { status: 400, grpc: 'INVALID_ARGUMENT', title: 'Coupon named twice' },
  amount_too_large: { status: 400, grpc: 'INVALID_ARGUMENT', title: 'Amount too large' },
  no_coupon: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'No coupon to lock' },
  not_applicable: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Coupon would take nothing' },
  coupon_locked: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Coupon locked by another order' },
  order_changed: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Not the order that was locked' },
  quote_changed: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'The order comes to another amount' },
  lock_expired: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Lock lapsed' },
  released: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Released' },
  reverted: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Reverted' },
  already_used: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Already used' },
  not_used: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Not used' },
  not_locked: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Nothing locked' },
  invalid_return: { status: 409, grpc: 'FAILED_PRECONDITION', title: 'Return not possible' },
  internal: { status: 500, grpc: 'INTERNAL', title: 'Internal error' },
} as const satisfies Record<string, { status: number; grpc: string; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** A refusal as a value: what services return and the faces render. `extra` members go into the answer as they are. */
export interface Problem {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly extra?: Readonly<Record<string, unknown>>;
}

export function problem(code: ProblemCode, detail: string, extra?: Record<string, unknown>): Problem {
  return extra === undefined ? { code, detail } : { code, detail, extra };
}

/** Either what was asked for or why not. Expected refusals travel as values; exceptions are for broken programs. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem };

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function refused(
  code: ProblemCode,
  detail: string,
  extra?: Record<string, unknown>,
): { ok: false; problem: Problem } {
  return { ok: false, problem: problem(code, detail, extra) };
}

/** Thrown where something this node depends on cannot answer right now: told as `unavailable`, worth a retry. */
export class Unavailable extends Error {
  override readonly name: string = 'Unavailable';
}

/** The same because too much is under way here already: told as `overloaded`. */
export class Overloaded extends Unavailable {
  override readonly name: string = 'Overloaded';
}
