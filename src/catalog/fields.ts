/**
 * Schemas of single fields, shared by the bodies of templates and activities. Each carries the text that tells a
 * caller what is allowed; `field`, value and problem are added where the answer is made (http/validation.ts).
 */
import { z } from 'zod';
import { isSeen, nameKey } from '../domain/template-name.ts';
import { userIdFromJson } from '../domain/user-id.ts';
import { NAME_CHARS_MAX } from '../limits.ts';

const INTRO_CHARS_MAX = 4000;
const LOGO_CHARS_MAX = 2048;
const REFERENCE_CHARS_MAX = 64;

/** Both bounds included. */
export function integer(min: number, max: number) {
  const allowed = `an integer from ${min} to ${max}`;
  return z.int({ error: allowed }).min(min, { error: allowed }).max(max, { error: allowed });
}

/** The same as query strings have it: decimal text. */
export function decimal(min: number, max: number) {
  const allowed = `an integer from ${min} to ${max}`;
  return z
    .string({ error: allowed })
    .regex(/^\d{1,9}$/, { error: allowed })
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error: allowed });
}

/** A switch in a query string. */
export const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** Minor units of a currency. */
export const money = (min: 0 | 1) => integer(min, Number.MAX_SAFE_INTEGER);

/** No lone surrogates and no control characters: what is stored must come back as it was, and fit one line. */
export function isPlainText(text: string): boolean {
  return !/[\p{Cc}\p{Cs}]/u.test(text);
}

/** Text that others name things by, as it is: ids of orders, of returns, of transactions. */
export function token(charsMax: number) {
  const allowed = `text of 1 to ${charsMax} characters without control characters`;
  return z
    .string({ error: allowed })
    .min(1, { error: allowed })
    .max(charsMax, { error: allowed })
    .refine(isPlainText, { error: allowed });
}

const CURRENCY_ALLOWED = 'an ISO 4217 code like CNY';
export const currency = z
  .string({ error: CURRENCY_ALLOWED })
  .regex(/^[A-Z]{3}$/, { error: CURRENCY_ALLOWED });

const NAME_ALLOWED = `text of 1 to ${NAME_CHARS_MAX} characters, without control and invisible characters`;
/** → trimmed, in NFC. */
export const nameText = z
  .string({ error: NAME_ALLOWED })
  .trim()
  .overwrite(nameKey)
  .min(1, { error: NAME_ALLOWED })
  .max(NAME_CHARS_MAX, { error: NAME_ALLOWED })
  .refine(isSeen, { error: NAME_ALLOWED });

/** Line breaks and tabs are fine in an introduction. */
const INTRO_ALLOWED = `text of at most ${INTRO_CHARS_MAX} characters, or null`;
export const introText = z
  .string({ error: INTRO_ALLOWED })
  .max(INTRO_CHARS_MAX, { error: INTRO_ALLOWED })
  .refine((text) => isPlainText(text.replaceAll(/[\n\r\t]/g, ' ')), { error: INTRO_ALLOWED })
  .nullable();

const LOGO_ALLOWED = `a URL of at most ${LOGO_CHARS_MAX} characters, or null`;
export const logoText = z
  .string({ error: LOGO_ALLOWED })
  .min(1, { error: LOGO_ALLOWED })
  .max(LOGO_CHARS_MAX, { error: LOGO_ALLOWED })
  .refine(isPlainText, { error: LOGO_ALLOWED })
  .nullable();

const TIME_ALLOWED = 'a time like 2026-11-27T10:00:00.000Z (ISO 8601, UTC)';
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/;

/** → milliseconds since the epoch. Days that do not exist are refused instead of being rolled over. */
export const time = z
  .string({ error: TIME_ALLOWED })
  .refine((text) => TIME.test(text) && sameDay(text), { error: TIME_ALLOWED, abort: true })
  .transform((text) => Date.parse(text));

function sameDay(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text.slice(0, 19));
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}

/** An id in a body: a decimal string, or a JSON number while it is a safe integer → number. */
export function id(max: number) {
  const allowed = `an id: a decimal string or an integer from 1 to ${max}`;
  return z
    .union([z.string().regex(/^[1-9]\d{0,15}$/), z.int({ error: allowed })], { error: allowed })
    .transform(Number)
    .refine((value) => value >= 1 && value <= max, { error: allowed });
}

const USER_ID_ALLOWED = 'a user id: a decimal string or a safe integer, 1 to 9223372036854775807';

/** → the canonical decimal string. */
export const userId = z
  .union([z.string(), z.number()], { error: USER_ID_ALLOWED })
  .refine((value) => userIdFromJson(value) !== null, { error: USER_ID_ALLOWED })
  .transform((value) => userIdFromJson(value)!);

const REFERENCE_ALLOWED = `text of 1 to ${REFERENCE_CHARS_MAX} characters or a safe integer`;

/** Goods and categories belong to the shop: any short text names one; numbers are taken as their decimal text. */
export const reference = z
  .union([z.string().min(1).max(REFERENCE_CHARS_MAX), z.int({ error: REFERENCE_ALLOWED })], {
    error: REFERENCE_ALLOWED,
  })
  .transform(String)
  .refine(isPlainText, { error: REFERENCE_ALLOWED });
