/** Bodies as operators send them. */

import { type ImportOptions, importQuery } from '../../src/catalog/import-schema.ts';
import { type TemplateFields, templateBody } from '../../src/catalog/template-schema.ts';
import { validate } from '../../src/http/validation.ts';

export function rawTemplate(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    name: 'Spring 30 off 300',
    productLine: 7,
    currency: 'CNY',
    discount: { kind: 'threshold', tiers: [{ spend: 30_000, off: 3_000 }] },
    scope: { all: true },
    validity: { from: '2026-11-01T00:00:00.000Z', until: '2026-12-01T00:00:00.000Z' },
    stock: 100,
    perUserLimit: 1,
    distribution: 'claim',
    ...changes,
  };
}

export function templateFields(changes: Record<string, unknown> = {}): TemplateFields {
  const checked = validate(templateBody, rawTemplate(changes));
  if (!checked.ok) throw new Error(checked.problem.detail);
  return checked.value;
}

/** Of a query, in yuan unless it says otherwise. */
export function importOptions(query: Record<string, string> = {}): ImportOptions {
  return importQuery.parse({ currency: 'CNY', ...query });
}
