/** Who is told what of activities. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stopActivity } from '../../src/catalog/activity-changes.ts';
import { deleteTemplate } from '../../src/catalog/template-changes.ts';
import { activityPage, noActivity, seenActivity } from '../../src/operations/activities.ts';
import { CatalogStage, NOW_MS, value } from './catalog-stage.ts';

let stage: CatalogStage;
let templateId: number;

beforeEach(async () => {
  stage = await CatalogStage.open();
  templateId = await stage.published();
});
afterEach(() => stage.close());

const seen = (id: number, viewer: 'operator' | 'customer') => seenActivity(stage.reads, id, viewer);

test('one that is under way is told to customers with what is left of it, to operators with its template', async () => {
  const activity = value(await stage.activity(templateId, 40));
  const template = stage.catalog.template(templateId);
  expect(value(await seen(activity.id, 'customer'))).toEqual({
    by: 'customer',
    activity,
    template,
    remaining: 40,
  });
  expect(stage.asked).toEqual([`remaining ${templateId}/${activity.id}`]);
  expect(value(await seen(activity.id, 'operator'))).toEqual({ by: 'operator', activity, template });
});

test('of one that is stopped nothing is left, and nobody is asked', async () => {
  const { id } = value(await stage.activity(templateId, 40));
  value(await stopActivity(stage.catalog, id));
  expect(value(await seen(id, 'customer'))).toMatchObject({
    activity: { status: 'stopped' },
    remaining: 0,
  });
  expect(stage.asked).toEqual([]);
});

test('one of a template that customers do not see is there for operators only', async () => {
  const { id } = value(await stage.activity(templateId, 40));
  value(await deleteTemplate(stage.catalog, templateId));
  expect(await seen(id, 'customer')).toEqual({ ok: false, problem: noActivity(id) });
  expect(value(await seen(id, 'operator'))).toMatchObject({ template: { status: 'deleted' } });
});

test('one that never got its units is there for nobody', async () => {
  const refused = await stage.activity(templateId, 60);
  expect(refused).toMatchObject({ problem: { code: 'insufficient_stock' } });
  const [unopened] = stage.catalog.activitiesOf(templateId, 'unopened ones too');
  for (const id of [unopened!.id, 999])
    for (const viewer of ['operator', 'customer'] as const)
      expect(await seen(id, viewer)).toEqual({ ok: false, problem: noActivity(id) });
  const opened = value(await stage.activity(templateId, 10));
  expect(activityPage(stage.catalog, { limit: 50 }, NOW_MS)).toEqual({
    items: [{ activity: opened, template: stage.catalog.template(templateId) }],
    next: null,
  });
});
