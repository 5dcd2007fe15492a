/** What a template body may say, and that it comes back in the shape it was sent. */
import { describe, expect, it } from 'vitest';
import { operatorTemplateJson, publicTemplateJson, shownStatus } from '../../src/catalog/template-json.ts';
import { templateBody, templatePatch } from '../../src/catalog/template-schema.ts';
import type { Template } from '../../src/domain/template.ts';
import { validate } from '../../src/http/validation.ts';
import { rawTemplate, templateFields } from './bodies.ts';

function wrong(changes: Record<string, unknown>): string[] {
  const checked = validate(templateBody, rawTemplate(changes));
  if (checked.ok) return [];
  return (checked.problem.extra!.errors as { field: string }[]).map((error) => error.field);
}

const threshold = (tiers: unknown, more = {}) => ({ discount: { kind: 'threshold', tiers, ...more } });

describe('a template body', () => {
  it('fills in what may be left out', () => {
    expect(templateFields({ name: '  Spring ' })).toMatchObject({
      name: 'Spring',
      codeKind: 1,
      measure: 'remaining',
      partitions: 1,
      stacking: null,
      total: 100,
      claimFromMs: null,
      validity: { fromMs: Date.UTC(2026, 10, 1), untilMs: Date.UTC(2026, 11, 1) },
    });
  });

  it.each([
    ['a sum above 2^53 - 1', threshold([{ spend: 2 ** 53, off: 1 }]), ['discount.tiers[0].spend']],
    ['an off of nothing', threshold([{ spend: 1, off: 0 }]), ['discount.tiers[0].off']],
    [
      'tiers that do not ascend',
      threshold([
        { spend: 5, off: 1 },
        { spend: 5, off: 2 },
      ]),
      ['discount.tiers[1].spend'],
    ],
    [
      'repeat with two tiers',
      threshold(
        [
          { spend: 5, off: 1 },
          { spend: 6, off: 2 },
        ],
        { repeat: true },
      ),
      ['discount.repeat'],
    ],
    ['no tier', threshold([]), ['discount.tiers']],
    ['another kind', { discount: { kind: 'gift' } }, ['discount.kind']],
    ['a rate of all', { discount: { kind: 'percent', rate: 10_000 } }, ['discount.rate']],
    ['a cap of nothing', { discount: { kind: 'shipping', maxOff: 0 } }, ['discount.maxOff']],
    ['a field of another kind', { discount: { kind: 'instant', off: 1, rate: 9 } }, ['discount.rate']],
    ['all and some', { scope: { all: true, goods: ['1'] } }, ['scope']],
    ['an empty scope', { scope: { excludeGoods: ['1'] } }, ['scope']],
    ['both stackings', { stacking: { exclusive: true, group: 'a' } }, ['stacking']],
    [
      'validity that ends before it starts',
      { validity: { from: '2026-11-02T00:00:00Z', until: '2026-11-02T00:00:00.000Z' } },
      ['validity.until'],
    ],
    ['two validities', { validity: { from: '2026-11-02T00:00:00Z', daysAfterClaim: 3 } }, ['validity']],
    ['too many days', { validity: { daysAfterClaim: 3651 } }, ['validity.daysAfterClaim']],
    ['a day that does not exist', { claimFrom: '2026-02-30T00:00:00.000Z' }, ['claimFrom']],
    ['local time', { claimFrom: '2026-02-20T00:00:00+08:00' }, ['claimFrom']],
    [
      'a window that is empty',
      { claimFrom: '2026-02-20T00:00:00Z', claimUntil: '2026-02-20T00:00:00Z' },
      ['claimUntil'],
    ],
    ['a blank name', { name: ' ' }, ['name']],
    ['half a character', { name: 'a\ud800' }, ['name']],
    ['a name of two lines', { name: 'a\nb' }, ['name']],
    ['a user id of zero', { audience: { userIds: ['0'] } }, ['audience.userIds[0]']],
    ['a user id above 2^63 - 1', { audience: { userIds: ['9223372036854775808'] } }, ['audience.userIds[0]']],
    ['an unsafe user id', { audience: { userIds: [2 ** 53] } }, ['audience.userIds[0]']],
    ['a code pattern with few codes', { code: { pattern: 'A-##', charset: '0123456789' } }, ['code']],
    ['a stock too large', { stock: 1e300 }, ['stock']],
    ['unknown fields', { sotck: 3, status: 'published' }, ['sotck', 'status']],
    [
      'three at once',
      { stock: -1, perUserLimit: 0, partitions: 65 },
      ['stock', 'perUserLimit', 'partitions'],
    ],
  ])('refuses %s', (_what, changes, fields) => {
    expect(wrong(changes).sort()).toEqual([...fields].sort());
  });

  it('needs what has no default', () => {
    const checked = validate(templateBody, {});
    expect(checked.ok).toBe(false);
    const missing = wrong({ name: undefined, discount: undefined, stock: undefined });
    expect(missing.sort()).toEqual(['discount', 'name', 'stock']);
  });

  it('takes numbers for ids while they are safe', () => {
    const { audience, scope } = templateFields({
      audience: { userIds: [7, '7', '9223372036854775807'] },
      scope: { goods: [12, 'SKU-1'] },
    });
    expect(audience).toEqual({ userIds: ['7', '9223372036854775807'] });
    expect(scope).toEqual({ goods: ['12', 'SKU-1'] });
  });

  it('a patch holds only what it names', () => {
    const checked = validate(templatePatch, { claimFrom: null, stock: 5 });
    expect(checked).toEqual({ ok: true, value: { claimFromMs: null, total: 5 } });
  });
});

describe('a template as JSON', () => {
  const stored: Template = {
    ...templateFields({
      claimFrom: '2026-11-01T08:00:00.123Z',
      claimUntil: '2026-11-20T08:00:00Z',
      stacking: { group: 'spring' },
      code: { pattern: 'SUMMER-########', charset: '0123456789' },
      audience: { userIds: ['7'] },
      intro: 'two\nlines',
    }),
    id: 42,
    status: 'published',
    createdAtMs: 0,
    publishedAtMs: 1,
    version: 3,
  };

  it('can be sent back as it came', () => {
    const { id, status, createdAt, publishedAt, version, ...fields } = operatorTemplateJson(
      stored,
      5,
    ) as Record<string, unknown>;
    expect({ id, status, createdAt, publishedAt, version }).toEqual({
      id: '42',
      status: 'published',
      createdAt: '1970-01-01T00:00:00.000Z',
      publishedAt: '1970-01-01T00:00:00.001Z',
      version: 3,
    });
    expect(fields.claimFrom).toBe('2026-11-01T08:00:00.123Z');
    const back = validate(templateBody, JSON.parse(JSON.stringify(fields)));
    expect(back).toEqual({ ok: true, value: templateFields({ ...fields }) });
  });

  it('tells customers neither stock nor audience', () => {
    const shown = publicTemplateJson(stored, 5, 3);
    expect(shown).toMatchObject({ id: '42', remaining: 3 });
    for (const name of ['stock', 'audience', 'code', 'codeKind', 'partitions', 'version'])
      expect(shown).not.toHaveProperty(name);
  });

  it('is ended from the millisecond its window closes', () => {
    const closesAtMs = Date.UTC(2026, 10, 20, 8);
    expect(shownStatus(stored, closesAtMs - 1)).toBe('published');
    expect(shownStatus(stored, closesAtMs)).toBe('ended');
  });
});
