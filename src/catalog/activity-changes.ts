/**
 * What operators, and the clock, do to activities. The order of storing and of moving units is engine-port.ts's.
 *
 * An activity is stored first as `stopped` in version 1, because the store assigns the id its pool is named by, and
 * becomes visible when its units are there (version 2). One that stays in version 1 was never opened, for want of
 * units or by a crash: it is shown to nobody, and its Idempotency-Key takes the attempt up again.
 */
import type { Activity, Template } from '../domain/template.ts';
import { ok, type Result, refused } from '../problems.ts';
import { save, saveWithUnits, storeUnopened, unitsAsStored } from './activity-saving.ts';
import type { ActivityChanges, ActivityFields } from './activity-schema.ts';
import { type Catalog, wasOpened } from './catalog.ts';
import type { TakenUnits } from './engine-port.ts';
import { canonicalJson, markOf } from './fingerprint.ts';
import { type Attempt, judged } from './judging.ts';
import { isOver } from './template-json.ts';

/** → the running or coming activity; on a repeat under the same key the one created then, as it is now. */
export function createActivity(
  catalog: Catalog,
  fields: ActivityFields,
  key: string | null,
): Promise<Result<Activity>> {
  const mark = markOf('POST /v1/activities', key, fields);
  const judge = async (): Promise<Attempt<Activity>> => {
    const template = catalog.template(fields.templateId);
    if (template === undefined || template.status === 'deleted') {
      return refused('not_found', `There is no template ${fields.templateId}.`);
    }
    // Without a key there is nothing to repeat: refused before anything is stored.
    const impossible = whyNot(template, fields, catalog.now());
    if (impossible !== null && mark === null) return impossible;
    const stored = await storeUnopened(catalog, fields, mark);
    if (stored === 'changed' || !stored.ok || wasOpened(stored.value)) return stored;
    return impossible ?? open(catalog, stored.value, template);
  };
  return catalog.inTurn(fields.templateId, () => judged(catalog, judge));
}

function whyNot(template: Template, fields: ActivityFields, nowMs: number): Result<Activity> | null {
  if (template.status !== 'published' || isOver(template, nowMs)) {
    return refused('invalid_state', 'Its template is not open for claims.', { status: template.status });
  }
  if (template.distribution === 'grant') return refused('invalid_state', 'Its template is for grants only.');
  if (fields.endsAtMs <= nowMs) return refused('invalid_state', 'It would be over already.');
  return null;
}

async function open(catalog: Catalog, unopened: Activity, template: Template): Promise<Attempt<Activity>> {
  const activity: Activity = { ...unopened, status: 'active', version: 2 };
  // The engine may not have heard yet of what was taken in from other nodes.
  await catalog.link.deliver(template.id);
  const taken = await catalog.engine.openActivity(activity, template);
  if (!taken.ok) return insufficient(taken, activity.stock);
  const saved = await saveWithUnits(catalog, activity);
  if (saved !== 'changed') await catalog.link.templateChanged(template.id, null);
  return saved;
}

/** Name and window freely while it is not over; stock and limit upward only. */
export function patchActivity(
  catalog: Catalog,
  id: number,
  changes: ActivityChanges,
): Promise<Result<Activity>> {
  return change(catalog, id, async (activity, template) => {
    const changed = { ...activity, ...changes } as Activity;
    if (canonicalJson(changed) === canonicalJson(activity)) return ok(activity);
    if (!isOpen(activity, catalog.now())) return refused('invalid_state', 'It is over.');
    if (changed.startsAtMs >= changed.endsAtMs) {
      return refused('invalid_request', 'endsAt must be later than startsAt.', {
        errors: [{ field: 'endsAt', problem: 'is not later than startsAt', allowed: 'later than startsAt' }],
      });
    }
    const lowered = (['stock', 'perUserLimit'] as const).filter((field) => changed[field] < activity[field]);
    if (lowered.length > 0) {
      return refused('field_frozen', `${lowered.join(' and ')} can only be raised.`, { fields: lowered });
    }
    const next = { ...changed, version: activity.version + 1 };
    const grows = next.stock > activity.stock;
    if (grows) {
      await catalog.link.deliver(template.id);
      const taken = await catalog.engine.resizeActivity(next, activity.stock, template);
      if (!taken.ok) return insufficient(taken, next.stock - activity.stock);
    }
    const saved = await (grows ? saveWithUnits(catalog, next) : save(catalog, next));
    if (saved !== 'changed') await catalog.link.templateChanged(template.id, null);
    return saved;
  });
}

/** For good; its unsold units are the template's again. */
export function stopActivity(catalog: Catalog, id: number): Promise<Result<Activity>> {
  return change(catalog, id, (activity) => stopped(catalog, activity));
}

/** In the template's turn, after it was deleted. */
export async function stopActivitiesOf(catalog: Catalog, templateId: number): Promise<void> {
  for (const { id } of catalog.activitiesOf(templateId))
    await judged(catalog, () => stopped(catalog, catalog.activity(id)!));
}

/**
 * What time brings: activities whose end has passed, or whose template is gone, are stopped, and the engine is told
 * what it missed. To be called about once a second on every node; may overlap with itself, here and elsewhere.
 */
export async function tick(catalog: Catalog): Promise<void> {
  const work: Promise<unknown>[] = [];
  for (const activity of catalog.activities()) {
    if (!isDue(catalog, activity)) continue;
    const judge = async (): Promise<Attempt<Activity>> => {
      const current = catalog.activity(activity.id)!;
      return isDue(catalog, current) ? stopped(catalog, current) : ok(current);
    };
    work.push(catalog.inTurn(activity.templateId, () => judged(catalog, judge)));
  }
  for (const attempted of catalog.unsettled.values())
    work.push(catalog.inTurn(attempted.templateId, () => unitsAsStored(catalog, attempted)));
  for (const id of catalog.link.behind()) work.push(catalog.inTurn(id, () => catalog.link.deliver(id)));
  await Promise.all(work);
}

/** Active, though its time or its template is over. */
function isDue(catalog: Catalog, activity: Activity): boolean {
  if (activity.status !== 'active') return false;
  return !isOpen(activity, catalog.now()) || catalog.template(activity.templateId)?.status === 'deleted';
}

function isOpen(activity: Activity, nowMs: number): boolean {
  return activity.status === 'active' && nowMs < activity.endsAtMs;
}

async function stopped(catalog: Catalog, activity: Activity): Promise<Attempt<Activity>> {
  if (activity.status === 'stopped') return ok(activity);
  const saved = await save(catalog, { ...activity, status: 'stopped', version: activity.version + 1 });
  if (saved === 'changed' || !saved.ok) return saved;
  // The rules first: claims are then told `ended` instead of waiting for units of a closed pool.
  await catalog.link.templateChanged(activity.templateId, null);
  await catalog.link.closeActivity(saved.value);
  return saved;
}

async function change(
  catalog: Catalog,
  id: number,
  work: (activity: Activity, template: Template) => Promise<Attempt<Activity>>,
): Promise<Result<Activity>> {
  const missing = refused('not_found', `There is no activity ${id}.`);
  if (catalog.activity(id) === undefined && catalog.isShared) await catalog.takeIn();
  const known = catalog.activity(id);
  if (known === undefined) return missing;
  const judge = async (): Promise<Attempt<Activity>> => {
    const activity = catalog.activity(id)!;
    const template = catalog.template(activity.templateId);
    const isThere = wasOpened(activity) && template !== undefined && template.status !== 'deleted';
    return isThere ? work(activity, template) : missing;
  };
  return catalog.inTurn(known.templateId, () => judged(catalog, judge));
}

function insufficient(taken: TakenUnits & { ok: false }, needed: number): Result<never> {
  const { available } = taken;
  return refused('insufficient_stock', `${needed} units are needed and ${available} are unsold.`, {
    available,
  });
}
