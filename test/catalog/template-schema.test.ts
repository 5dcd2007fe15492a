/** What a template body may say, and that it comes back in the shape it was sent. */
import { describe, expect, it } from 'vitest';
import { activityPatch } from '../../src/catalog/activity-schema.ts';
import { operatorTemplateJson, publicTemplateJson, shownStatus } from '../../src/catalog/template-json.ts';
import { type TemplateFields, templateBody, templatePatch } from '../../src/catalog/template-schema.ts';
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
      'tiers of which the higher takes less',
      threshold([
        { spend: 10_000, off: 3_000 },
        { spend: 20_000, off: 2_000 },
      ]),
      ['discount.tiers[1].off'],
    ],
    [
      'tiers of which the higher takes no more',
      threshold([
        { spend: 10_000, off: 3_000 },
        { spend: 20_000, off: 3_000 },
        { spend: 30_000, off: 4_000 },
      ]),
      ['discount.tiers[1].off'],
    ],
    [
      'a tier that takes more than is spent',
      threshold([{ spend: 150, off: 200 }]),
      ['discount.tiers[0].off'],
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
    ['a cap without repeat', threshold([{ spend: 5, off: 1 }], { maxOff: 3 }), ['discount.maxOff']],
    [
      'a cap of no repeat',
      threshold([{ spend: 5, off: 1 }], { repeat: false, maxOff: 3 }),
      ['discount.maxOff'],
    ],
    [
      'a repeat capped at nothing',
      threshold([{ spend: 5, off: 1 }], { repeat: true, maxOff: 0 }),
      ['discount.maxOff'],
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
    ['a name of two paragraphs', { name: 'a\u2029b' }, ['name']],
    ['a name that is nothing to be seen', { name: '\u2060\u200b' }, ['name']],
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

  it.each([
    ['a zero width space', '\u200b'],
    ['a zero width joiner', '\u200d'],
    ['a soft hyphen', '\u00ad'],
    ['a turn of direction', '\u202e'],
    ['an isolate', '\u2066'],
    ['an Arabic letter mark', '\u061c'],
    ['a variation selector', '\ufe0f'],
    ['a variation selector of the supplement', '\u{e0100}'],
    ['a tag', '\u{e0041}'],
    ['a Hangul filler', '\u3164'],
    ['a word joiner', '\u2060'],
    ['a delete', '\u007f'],
  ])('refuses a name with %s', (_what, char) => {
    expect(wrong({ name: `Spring${char} sale` })).toEqual(['name']);
    expect(validate(activityPatch, { name: `Noon${char}s` }).ok).toBe(false);
  });

  it('may cap a threshold that repeats', () => {
    const capped = threshold([{ spend: 10_000, off: 1_000 }], { repeat: true, maxOff: 5_000 });
    expect(templateFields(capped).discount).toEqual(capped.discount);
  });

  it('has its name in NFC, and so do activities', () => {
    expect(templateFields({ name: ' e\u0301te\u0301\u3000' }).name).toBe('\u00e9t\u00e9');
    expect(templateFields({ name: '한글'.normalize('NFD') }).name).toBe('한글');
    expect(validate(templatePatch, { name: 'e\u0301' })).toEqual({ ok: true, value: { name: '\u00e9' } });
    expect(validate(activityPatch, { name: 'e\u0301 ' })).toEqual({ ok: true, value: { name: '\u00e9' } });
    expect(validate(activityPatch, { name: 'e\u200b' }).ok).toBe(false);
    // Some characters become two.
    expect(templateFields({ name: '\u0958'.repeat(100) }).name).toHaveLength(200);
    expect(validate(templatePatch, { name: '\u0958'.repeat(101) }).ok).toBe(false);
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

const stored: Omit<Template, keyof TemplateFields> = {
  id: 1,
  status: 'draft',
  createdAtMs: 0,
  publishedAtMs: null,
  version: 1,
};

describe('a discount that looks like a slip', () => {
  const warned = (discount: unknown): string[] => {
    const { warnings = [] } = operatorTemplateJson({ ...stored, ...templateFields({ discount }) }, 0) as {
      warnings?: { field: string; problem: string }[];
    };
    return warnings.map(({ field, problem }) => `${field} ${problem}`);
  };

  it.each([
    [{ kind: 'percent', rate: 500 }, 'discount.rate is 500: it takes 95 % off, 5 % are paid'],
    [{ kind: 'percent', rate: 999 }, 'discount.rate is 999: it takes 90.01 % off, 9.99 % are paid'],
    [{ kind: 'percent', rate: 0, minSpend: 5 }, 'discount.rate is 0: it takes 100 % off, 0 % are paid'],
    [
      { kind: 'instant', off: 101, minSpend: 100 },
      'discount.off is 101, more than minSpend 100: an order of that much costs nothing',
    ],
  ])('%j is created with a warning', (discount, warning) => {
    expect(warned(discount)).toEqual([warning]);
  });

  it.each([
    { kind: 'percent', rate: 1_000 },
    { kind: 'instant', off: 100, minSpend: 100 },
    { kind: 'instant', off: 100 },
    { kind: 'threshold', tiers: [{ spend: 5, off: 5 }] },
    { kind: 'shipping' },
  ])('%j is not', (discount) => {
    expect(warned(discount)).toEqual([]);
  });

  it('has no member warnings otherwise', () => {
    expect(operatorTemplateJson({ ...stored, ...templateFields() }, 0)).not.toHaveProperty('warnings');
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
