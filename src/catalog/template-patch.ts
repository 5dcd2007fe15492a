/** What a PATCH makes of a template, and which of it is allowed once holders rely on it. Pure. */
import { defaultCodeKind, type Template } from '../domain/template.ts';
import { ok, type Problem, problem, type Result, refused } from '../problems.ts';
import { canonicalJson } from './fingerprint.ts';
import { inOrder, type TemplateChanges, type TemplateFields } from './template-schema.ts';

type Field = keyof TemplateFields;

/** What a coupon is worth and where it may be used, and what its code and its place are made from. */
const FROZEN: readonly Field[] = [
  'discount',
  'scope',
  'validity',
  'code',
  'productLine',
  'codeKind',
  'currency',
  'partitions',
  'measure',
  'stacking',
];
const UPWARD_ONLY = ['total', 'perUserLimit'] as const;

/** Names as in the body of a request. */
const NAMES: Partial<Record<Field, string>> = {
  total: 'stock',
  claimFromMs: 'claimFrom',
  claimUntilMs: 'claimUntil',
};

export function applied(template: Template, changes: TemplateChanges): Result<Template> {
  const next = { ...template, ...changes } as Template;
  if (!inOrder(next.claimFromMs, next.claimUntilMs)) {
    return refused('invalid_request', 'claimUntil must be later than claimFrom.', {
      errors: [
        { field: 'claimUntil', problem: 'is not later than claimFrom', allowed: 'later than claimFrom' },
      ],
    });
  }
  // A code kind that only followed from the discount goes on doing so.
  const followed = changes.codeKind === undefined && template.codeKind === defaultCodeKind(template.discount);
  return ok(followed ? { ...next, codeKind: defaultCodeKind(next.discount) } : next);
}

export function changedFields(before: Template, after: Template): Field[] {
  const names = Object.keys(after) as (keyof Template)[];
  return names.filter((name) => canonicalJson(before[name]) !== canonicalJson(after[name])) as Field[];
}

/** Null where the change is allowed. Drafts may change in any way. */
export function frozenProblem(before: Template, after: Template, changed: readonly Field[]): Problem | null {
  if (before.publishedAtMs === null) return null;
  const frozen = FROZEN.filter((field) => changed.includes(field));
  const lowered = UPWARD_ONLY.filter((field) => after[field] < before[field]);
  // Who was told that a used coupon makes room may rely on it; that more is allowed than before harms nobody.
  const narrowed = before.limitCounts === 'usable' && after.limitCounts !== 'usable' ? ['limitCounts'] : [];
  if (frozen.length + lowered.length + narrowed.length === 0) return null;
  const fields = [...[...frozen, ...lowered].map((field) => NAMES[field] ?? field), ...narrowed];
  const reasons = [
    ...(frozen.length > 0 ? [`fixed since it was published: ${frozen.join(', ')}`] : []),
    ...lowered.map((field) => `${NAMES[field] ?? field} can only be raised, from ${before[field]}`),
    ...narrowed.map((field) => `${field} can only go from "all" to "usable"`),
  ];
  return problem('field_frozen', `${reasons.join('; ')}.`, { fields });
}
