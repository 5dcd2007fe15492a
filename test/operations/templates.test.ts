/** Who is told what of templates. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deleteTemplate, disableTemplate } from '../../src/catalog/template-changes.ts';
import { changeStock, noTemplate, seenTemplate, templateStock } from '../../src/operations/templates.ts';
import { CatalogStage, NOW_MS, STOCK, value } from './catalog-stage.ts';

let stage: CatalogStage;

beforeEach(async () => {
  stage = await CatalogStage.open();
});
afterEach(() => stage.close());

const seen = (id: number, viewer: 'operator' | 'customer') => seenTemplate(stage.reads, id, viewer, NOW_MS);

describe('a template', () => {
  test('that is a draft or deleted looks to customers like one that never was, and not to operators', async () => {
    const draft = await stage.draft();
    const deleted = await stage.published({ name: 'gone' });
    value(await deleteTemplate(stage.catalog, deleted));
    for (const id of [draft, deleted, 999]) {
      expect(await seen(id, 'customer')).toEqual({ ok: false, problem: noTemplate(id) });
    }
    expect(stage.asked).toEqual([]);
    for (const id of [draft, deleted])
      expect(value(await seen(id, 'operator')).template).toBe(stage.catalog.template(id));
    expect(await seen(999, 'operator')).toEqual({ ok: false, problem: noTemplate(999) });
  });

  test('is told to customers with what is left of its general pool, while it is disabled too', async () => {
    const id = await stage.published();
    for (const reason of [null, 'not_active'] as const) {
      stage.reason = reason;
      const template = stage.catalog.template(id);
      expect(value(await seen(id, 'customer'))).toEqual({
        by: 'customer',
        template,
        remaining: 90,
        reason,
      });
      value(await disableTemplate(stage.catalog, id));
    }
    expect(stage.asked).toEqual([`remaining ${id}/0`, `remaining ${id}/0`]);
  });

  test('is told to operators with what is claimed and used', async () => {
    const id = await stage.published();
    stage.reason = 'sold_out';
    expect(value(await seen(id, 'operator'))).toEqual({
      by: 'operator',
      template: stage.catalog.template(id),
      claimed: 10,
      used: 3,
      reason: 'sold_out',
    });
  });
});

describe('stock', () => {
  test('of a template that was never published is free as a whole, without asking whoever sells', async () => {
    const id = await stage.draft({ stock: 70 });
    const unsold = { total: 70, free: 70, leased: 0, claimed: 0, flushed: 0 };
    expect(value(await templateStock(stage.reads, id))).toEqual(unsold);
    expect(value(await seen(id, 'operator'))).toMatchObject({ claimed: 0, used: 0 });
    expect(stage.asked).toEqual([]);
  });

  test('of one that was is what whoever sells says, after its deletion too', async () => {
    const id = await stage.published();
    expect(value(await templateStock(stage.reads, id))).toBe(STOCK);
    value(await deleteTemplate(stage.catalog, id));
    expect(value(await templateStock(stage.reads, id))).toBe(STOCK);
    expect(await templateStock(stage.reads, 999)).toEqual({ ok: false, problem: noTemplate(999) });
  });

  test('is raised to a total or by so many', async () => {
    const id = await stage.published({ stock: 100 });
    expect(value(await changeStock(stage.catalog, id, { total: 120 }, null)).total).toBe(120);
    expect(value(await changeStock(stage.catalog, id, { add: 5 }, 'k')).total).toBe(125);
    expect(value(await changeStock(stage.catalog, id, { add: 5 }, 'k')).total).toBe(125);
  });
});
