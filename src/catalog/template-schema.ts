/**
 * The template bodies of the HTTP API (contract: "Template body") as schemas, and their way into the domain. Rules
 * that need the stored template (what is frozen, what may only grow) are the catalog's.
 */
import { z } from 'zod';
import { patternSpace } from '../domain/code-space.ts';
import { defaultCodeKind, type Template } from '../domain/template.ts';
import { PARTITIONS_MAX, PER_USER_LIMIT_MAX, STOCK_MAX } from '../limits.ts';
import { currency, integer, introText, logoText, nameText, time, userId } from './fields.ts';
import { discount, scope, stacking, validity } from './rule-schemas.ts';

const code = z
  .strictObject({ pattern: z.string(), charset: z.string() })
  .superRefine((value, ctx) => {
    const space = patternSpace(value);
    if (!space.ok) ctx.addIssue({ code: 'custom', message: space.problem.detail });
  })
  .nullable();

const audience = z
  .strictObject({ userIds: z.array(userId, { error: 'a list of user ids' }) })
  .transform(({ userIds }) => ({ userIds: [...new Set(userIds)] }))
  .nullable();

export const stock = integer(0, STOCK_MAX);

const STOCK_CHANGE_ALLOWED = '{"total":n} or {"add":n}, one of them';
export const stockBody = z
  .strictObject({ total: stock.exactOptional(), add: integer(1, STOCK_MAX).exactOptional() })
  .refine(({ total, add }) => (total === undefined) !== (add === undefined), { error: STOCK_CHANGE_ALLOWED })
  // Exactly one was just checked; the type can't follow.
  .transform((body) => body as StockChange);

/** Units in all, or units more. */
export type StockChange = { readonly total: number } | { readonly add: number };

/** Every field there is; which ones a body must have differs between create and patch. */
const fields = {
  name: nameText,
  intro: introText,
  logo: logoText,
  productLine: integer(0, 99),
  codeKind: integer(0, 99),
  currency,
  discount,
  scope,
  stacking: stacking.nullable(),
  measure: z.enum(['remaining', 'initial']),
  validity,
  claimFrom: time.nullable(),
  claimUntil: time.nullable(),
  stock,
  perUserLimit: integer(1, PER_USER_LIMIT_MAX),
  limitCounts: z.enum(['all', 'usable']),
  distribution: z.enum(['claim', 'grant', 'both']),
  partitions: integer(1, PARTITIONS_MAX),
  code,
  audience,
};

const patchShape = z.strictObject(fields).partial();
const createShape = patchShape.required({
  name: true,
  productLine: true,
  currency: true,
  discount: true,
  scope: true,
  validity: true,
  stock: true,
  perUserLimit: true,
  distribution: true,
});

/** A template as far as an operator writes it. */
export type TemplateFields = Omit<
  Template,
  'id' | 'status' | 'createdAtMs' | 'publishedAtMs' | 'lastAddition' | 'version'
>;
/** Only what the request names. */
export type TemplateChanges = {
  readonly [Field in keyof TemplateFields]?: TemplateFields[Field] | undefined;
};

export const templateBody = createShape.transform((body, ctx): TemplateFields => {
  const { stock: total, claimFrom = null, claimUntil = null, ...rest } = body;
  if (!inOrder(claimFrom, claimUntil)) {
    ctx.addIssue({ code: 'custom', path: ['claimUntil'], message: 'later than claimFrom' });
  }
  return {
    intro: null,
    logo: null,
    codeKind: defaultCodeKind(body.discount),
    stacking: null,
    measure: 'remaining',
    partitions: 1,
    code: null,
    audience: null,
    ...rest,
    total,
    claimFromMs: claimFrom,
    claimUntilMs: claimUntil,
  } as TemplateFields;
});

/** A stop switch is thrown on what there is already. */
const useSuspended = z.boolean({ error: 'true: no new locks of its coupons; false: as before' }).optional();

export const templatePatch = patchShape
  .extend({ useSuspended })
  .transform(({ stock: total, claimFrom, claimUntil, ...rest }) => {
    const changes: Record<string, unknown> = {
      ...rest,
      total,
      claimFromMs: claimFrom,
      claimUntilMs: claimUntil,
    };
    for (const name of Object.keys(changes)) if (changes[name] === undefined) delete changes[name];
    return changes as TemplateChanges;
  });

/** A claim window that is open at both ends, or not empty. */
export function inOrder(fromMs: number | null, untilMs: number | null): boolean {
  return fromMs === null || untilMs === null || fromMs < untilMs;
}
