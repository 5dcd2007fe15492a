/**
 * What a coupon takes off, from what, beside which others and how long (docs: discounts), as schemas. A field that is
 * wrong is named together with what it may be, so unions are told apart by hand where zod would only list attempts.
 */
import { z } from 'zod';
import type { Template, Validity } from '../domain/template.ts';
import { integer, money, reference, time } from './fields.ts';

const TIERS_MAX = 100;
const DAYS_AFTER_CLAIM_MAX = 3650;
const BASIS_POINTS = 10_000;
const GROUP_ALLOWED = 'text of 1 to 64 letters, digits, "_", "-" or "."';

const threshold = z
  .strictObject({
    kind: z.literal('threshold'),
    tiers: z
      .array(z.strictObject({ spend: money(1), off: money(1) }), {
        error: `a list of 1 to ${TIERS_MAX} tiers`,
      })
      .min(1, { error: 'at least one tier' })
      .max(TIERS_MAX, { error: `at most ${TIERS_MAX} tiers` }),
    repeat: z.boolean().exactOptional(),
    maxOff: money(1).exactOptional(),
  })
  .superRefine(({ tiers, repeat, maxOff }, ctx) => {
    const wrong = (i: number, name: 'spend' | 'off', message: string) =>
      ctx.addIssue({ code: 'custom', path: ['tiers', i, name], message });
    for (const [i, { spend, off }] of tiers.entries()) {
      if (off > spend) wrong(i, 'off', `at most the spend of its tier, ${spend}`);
      if (i === 0) continue;
      const before = tiers[i - 1]!;
      if (spend <= before.spend) wrong(i, 'spend', `more than the spend of the tier before, ${before.spend}`);
      // Or whoever spends more would pay more than a little below.
      if (off <= before.off) wrong(i, 'off', `more than the off of the tier before, ${before.off}`);
    }
    if (repeat === true && tiers.length > 1) {
      ctx.addIssue({ code: 'custom', path: ['repeat'], message: 'true only with a single tier' });
    }
    if (maxOff !== undefined && repeat !== true) {
      ctx.addIssue({
        code: 'custom',
        path: ['maxOff'],
        message: 'only with repeat: a tier takes its off once',
      });
    }
  });

export const discount = z.discriminatedUnion('kind', [
  threshold,
  z.strictObject({
    kind: z.literal('percent'),
    rate: integer(0, BASIS_POINTS - 1),
    minSpend: money(0).exactOptional(),
    maxOff: money(1).exactOptional(),
  }),
  z.strictObject({ kind: z.literal('instant'), off: money(1), minSpend: money(0).exactOptional() }),
  z.strictObject({
    kind: z.literal('shipping'),
    minSpend: money(0).exactOptional(),
    maxOff: money(1).exactOptional(),
  }),
]);

const references = z.array(reference).exactOptional();
const SCOPE_ALLOWED = '{"all":true}, or goods and/or categories with at least one entry';

export const scope = z
  .strictObject({
    all: z.literal(true).exactOptional(),
    goods: references,
    categories: references,
    excludeGoods: references,
    excludeCategories: references,
  })
  .refine(
    ({ all, goods, categories }) =>
      all === true
        ? goods === undefined && categories === undefined
        : (goods?.length ?? 0) + (categories?.length ?? 0) > 0,
    { error: SCOPE_ALLOWED },
  )
  // Either shape was just checked; the type can't follow.
  .transform((value) => value as Template['scope']);

const STACKING_ALLOWED = '{"exclusive":true} or {"group":"…"}';
export const stacking = z
  .strictObject({
    exclusive: z.literal(true).exactOptional(),
    group: z
      .string({ error: GROUP_ALLOWED })
      .regex(/^[\w.-]{1,64}$/, { error: GROUP_ALLOWED })
      .exactOptional(),
  })
  .refine(({ exclusive, group }) => (exclusive === undefined) !== (group === undefined), {
    error: STACKING_ALLOWED,
  })
  .transform((value) => value as NonNullable<Template['stacking']>);

const VALIDITY_ALLOWED = '{"from","until"}, or {"daysAfterClaim"}';
export const validity = z
  .strictObject({
    from: time.exactOptional(),
    until: time.exactOptional(),
    daysAfterClaim: integer(1, DAYS_AFTER_CLAIM_MAX).exactOptional(),
  })
  .transform(({ from, until, daysAfterClaim }, ctx): Validity => {
    if (daysAfterClaim !== undefined && from === undefined && until === undefined) return { daysAfterClaim };
    if (daysAfterClaim !== undefined || from === undefined || until === undefined) {
      ctx.addIssue({ code: 'custom', message: VALIDITY_ALLOWED });
      return z.NEVER;
    }
    if (until <= from) ctx.addIssue({ code: 'custom', path: ['until'], message: 'later than from' });
    return { fromMs: from, untilMs: until };
  });
