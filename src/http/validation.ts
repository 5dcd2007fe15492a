/**
 * What is wrong with a request, field by field: which field, what its value is, what would be allowed. Schemas give
 * the "allowed" text as their error message; for those that give none it is derived from the rule that was broken.
 */
import type { z } from 'zod';
import { ok, problem, type Result } from '../problems.ts';

export interface FieldError {
  /** `discount.tiers[0].off`; `body` for the whole. */
  readonly field: string;
  readonly problem: string;
  readonly allowed: string;
}

const FIELD_ERRORS_MAX = 20;
const VALUE_CHARS_MAX = 60;

/** Every answer about wrong fields, wherever it was found. */
export function invalidFields(errors: readonly FieldError[]): {
  ok: false;
  problem: ReturnType<typeof problem>;
} {
  const shown = errors.slice(0, FIELD_ERRORS_MAX);
  const detail = shown
    .slice(0, 3)
    .map((error) => `${error.field}: ${error.problem} (allowed: ${error.allowed})`)
    .join('; ');
  const more = errors.length > 3 ? `; and ${errors.length - 3} more` : '';
  return { ok: false, problem: problem('invalid_request', detail + more, { errors: shown }) };
}

/** Checks `value`; refusals are `invalid_request` with the extra `errors`. `whole` names the value itself. */
export function validate<S extends z.ZodType>(
  schema: S,
  value: unknown,
  whole = 'body',
): Result<z.output<S>> {
  const parsed = schema.safeParse(value, { error: allowedText });
  if (parsed.success) return ok(parsed.data);
  const errors = parsed.error.issues.flatMap((issue) => fieldErrors(issue, value, whole));
  // One value can break several rules of its field that say the same.
  const said = new Set<string>();
  return invalidFields(
    errors.filter(({ field, allowed }) => {
      const key = JSON.stringify([field, allowed]);
      return said.has(key) ? false : said.add(key);
    }),
  );
}

function fieldErrors(issue: z.core.$ZodIssue, value: unknown, whole: string): FieldError[] {
  const at = fieldName(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: shorten(at === '' ? key : `${at}.${key}`),
      problem: 'is not a known field',
      allowed: issue.message,
    }));
  }
  return [
    { field: at === '' ? whole : at, problem: describe(valueAt(value, issue.path)), allowed: issue.message },
  ];
}

function fieldName(path: readonly PropertyKey[]): string {
  let name = '';
  for (const part of path) {
    if (typeof part === 'number') name += `[${part}]`;
    else name += name === '' ? String(part) : `.${String(part)}`;
  }
  return shorten(name);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[part];
  }
  return at;
}

function describe(value: unknown): string {
  if (value === undefined) return 'is missing';
  if (typeof value === 'number') {
    // What is shown must be what was sent, and beyond 2^53 - 1 that is no longer known.
    return Math.abs(value) > Number.MAX_SAFE_INTEGER
      ? 'is a number that cannot be held exactly'
      : `is ${value}`;
  }
  if (Array.isArray(value)) return `is a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'is an object';
  return `is ${shorten(JSON.stringify(value))}`;
}

function shorten(text: string): string {
  return text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text;
}

/** zod asks this only where the schema brought no text of its own. */
function allowedText(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'unrecognized_keys': {
      const shape = (issue.inst as unknown as { _zod?: { def?: { shape?: object } } })?._zod?.def?.shape;
      return shape === undefined ? 'no such field' : Object.keys(shape).join(', ');
    }
    case 'invalid_type':
      return ALLOWED_TYPES[String(issue.expected)] ?? String(issue.expected);
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value)).join(', ');
    case 'invalid_union':
      return Array.isArray(issue.options)
        ? issue.options.map((v) => JSON.stringify(v)).join(', ')
        : undefined;
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}${unitOf(issue.origin)}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${unitOf(issue.origin)}`;
    default:
      return undefined;
  }
}

const ALLOWED_TYPES: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'an integer',
  boolean: 'true or false',
};

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' entries' : '';
}
