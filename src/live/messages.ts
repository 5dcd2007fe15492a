/** What clients may send on /v1/live, checked by hand: this is the claim path too. */
import { userIdFromJson } from '../domain/user-id.ts';
import {
  ACTIVITY_ID_MAX,
  IDEMPOTENCY_KEY_CHARS_MAX,
  TEMPLATE_ID_MAX,
  WS_BATCH_USERS_MAX,
} from '../limits.ts';

export type RequestId = string | number;

export type ClientMessage =
  | { readonly op: 'auth'; readonly token: string }
  | { readonly op: 'claim'; readonly id: RequestId; readonly target: Target; readonly key: string | null }
  | {
      readonly op: 'claims';
      readonly id: RequestId;
      readonly target: Target;
      readonly userIds: readonly unknown[];
      readonly keys: readonly (string | null)[] | null;
    }
  | { readonly op: 'watch' | 'unwatch'; readonly activityId: number };

/** Exactly one of the two is not 0. */
export interface Target {
  readonly templateId: number;
  readonly activityId: number;
}

export interface Malformed {
  readonly op: 'malformed';
  readonly id: RequestId | undefined;
  readonly detail: string;
}

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  auth: ['op', 'id', 'token'],
  claim: ['op', 'id', 'templateId', 'activityId', 'key'],
  claims: ['op', 'id', 'templateId', 'activityId', 'userIds', 'keys'],
  watch: ['op', 'id', 'activityId'],
  unwatch: ['op', 'id', 'activityId'],
};

export function parseMessage(value: unknown): ClientMessage | Malformed {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return malformed(undefined, 'A message is one JSON object or MessagePack map.');
  }
  const message = value as Record<string, unknown>;
  const { op } = message;
  const id = requestId(message.id);
  const known = typeof op === 'string' && Object.hasOwn(FIELDS, op) ? FIELDS[op] : undefined;
  if (known === undefined) return malformed(id, 'op must be one of auth, claim, claims, watch, unwatch.');
  for (const field in message)
    if (!known.includes(field)) return malformed(id, `${field.slice(0, 60)} is not a known field of ${op}.`);
  if (message.id !== undefined && id === undefined) {
    return malformed(undefined, 'id must be a safe integer or a string of at most 64 characters.');
  }
  switch (op) {
    case 'auth':
      if (typeof message.token !== 'string') return malformed(id, 'token must be a string.');
      return { op, token: message.token };
    case 'watch':
    case 'unwatch': {
      const activityId = entityId(message.activityId, ACTIVITY_ID_MAX);
      return activityId === 0 ? malformed(id, 'activityId must be an id.') : { op, activityId };
    }
    default:
      return parseClaim(message, op as 'claim' | 'claims', id);
  }
}

function parseClaim(
  message: Record<string, unknown>,
  op: 'claim' | 'claims',
  id: RequestId | undefined,
): ClientMessage | Malformed {
  if (id === undefined) return malformed(id, 'id is missing: answers are matched by it.');
  const target = {
    templateId: message.templateId === undefined ? 0 : entityId(message.templateId, TEMPLATE_ID_MAX),
    activityId: message.activityId === undefined ? 0 : entityId(message.activityId, ACTIVITY_ID_MAX),
  };
  if ((target.templateId === 0) === (target.activityId === 0)) {
    return malformed(id, 'Exactly one of templateId and activityId must be given, as an id.');
  }
  if (op === 'claim') {
    if (message.key !== undefined && !isKey(message.key)) return malformed(id, KEY_RULE);
    return { op, id, target, key: (message.key as string | undefined) ?? null };
  }
  const { userIds, keys } = message;
  if (!Array.isArray(userIds) || userIds.length < 1 || userIds.length > WS_BATCH_USERS_MAX) {
    return malformed(id, `userIds must be an array of 1 to ${WS_BATCH_USERS_MAX} user ids.`);
  }
  if (keys !== undefined) {
    if (!Array.isArray(keys) || keys.length !== userIds.length)
      return malformed(id, 'keys must be an array as long as userIds.');
    if (!keys.every((key) => key === null || isKey(key))) return malformed(id, KEY_RULE);
  }
  return { op, id, target, userIds, keys: (keys as (string | null)[] | undefined) ?? null };
}

const KEY_RULE = `A key is 1 to ${IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters without spaces.`;

function isKey(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length <= IDEMPOTENCY_KEY_CHARS_MAX && /^[\x21-\x7e]+$/.test(value)
  );
}

function requestId(value: unknown): RequestId | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined;
  if (typeof value === 'bigint')
    return value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER ? Number(value) : undefined;
  return typeof value === 'string' && value.length <= 64 ? value : undefined;
}

/** A decimal string or a safe integer from 1 to `max`; else 0. */
function entityId(value: unknown, max: number): number {
  const text = userIdFromJson(typeof value === 'bigint' ? value.toString() : value);
  const id = text === null ? 0 : Number(text);
  return id <= max ? id : 0;
}

function malformed(id: RequestId | undefined, detail: string): Malformed {
  return { op: 'malformed', id, detail };
}
