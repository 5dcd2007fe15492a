/** Query strings, strictly: a parameter given twice or unknown is refused by name instead of silently ignored. */
import type { z } from 'zod';
import { ok, type Result } from '../problems.ts';
import { type FieldError, invalidFields, validate } from './validation.ts';

/** Without a schema no parameter is allowed. Values arrive at the schema as text. */
export function parseQuery<S extends z.ZodType>(raw: string, schema: S | null): Result<z.output<S>> {
  const values: Record<string, string> = {};
  const errors: FieldError[] = [];
  for (const part of raw.split('&')) {
    if (part === '') continue;
    const at = part.indexOf('=');
    const name = decode(at < 0 ? part : part.slice(0, at));
    const value = decode(at < 0 ? '' : part.slice(at + 1));
    if (name === null || value === null) {
      errors.push({
        field: `?${part.slice(0, 60)}`,
        problem: 'is not percent-encoded UTF-8',
        allowed: 'UTF-8',
      });
    } else if (Object.hasOwn(values, name)) {
      errors.push({ field: `?${name.slice(0, 60)}`, problem: 'is there more than once', allowed: 'once' });
    } else {
      // Defined, not assigned: the name may be `__proto__`.
      Object.defineProperty(values, name, { value, enumerable: true, configurable: true, writable: true });
    }
  }
  if (errors.length > 0) return invalidFields(errors);
  if (schema !== null) return validate(schema, values, 'query');
  const unknown = Object.keys(values);
  if (unknown.length === 0) return ok({} as z.output<S>);
  return invalidFields(
    unknown.map((name) => ({
      field: name.slice(0, 60),
      problem: 'is not a known parameter',
      allowed: 'none here',
    })),
  );
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}
