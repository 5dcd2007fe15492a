/**
 * What operators, and the clock, do to activities. The order of storing and of moving units is engine-port.ts's.
 *
 * An activity is stored first as `stopped` in version 1, because the store assigns the id its pool is named by, and
 * becomes visible when its units are there (version 2). One that stays in version 1 was never opened, for want of
 * units or by a crash: it is shown to nobody, and its Idempotency-Key takes the attempt up again.
 */
import type { Activity, Template } from '../domain/template.ts';
import type { IdempotencyMark } from '../ports.ts';
import { ok, type Result, refused } from '../problems.ts';
import type { ActivityChanges, ActivityFields } from './activity-schema.ts';
import { type Catalog, wasOpened } from './catalog.ts';
import type { TakenUnits } from './engine-port.ts';
import { canonicalJson, markOf } from './fingerprint.ts';
import { isOver } from './template-json.ts';

/** → the running or coming activity; on a repeat under the same key the one created then, as it is now. */
export function createActivity(
  catalog: Catalog,
  fields: ActivityFields,
  key: string | null,
): Promise<Result<Activity>> {
  return catalog.inTurn(fields.templateId, async () => {
    const template = catalog.template(fields.templateId);
    if (template === undefined || template.status === 'deleted') {
      return refused('not_found', `There is no template ${fields.templateId}.`);
    }
    const mark = markOf('POST /v1/activities', key, fields);
    // Without a key there is nothing to repeat: refused before anything is stored.
    const impossible = whyNot(template, fields, catalog.now());
    if (impossible !== null && mark === null) return impossible;
    const stored = await store(catalog, fields, mark);
    if (!stored.ok || wasOpened(stored.value)) return stored;
    return impossible ?? open(catalog, stored.value, template);
  });
}

function whyNot(template: Template, fields: ActivityFields, nowMs: number): Result<Activity> | null {
  if (template.status !== 'published' || isOver(template, nowMs)) {
    return refused('invalid_state', 'Its template is not open for claims.', { status: template.status });
  }
  if (template.distribution === 'grant') return refused('invalid_state', 'Its template is for grants only.');
  if (fields.endsAtMs <= nowMs) return refused('invalid_state', 'It would be over already.');
  return null;
}

async function store(
  catalog: Catalog,
  fields: ActivityFields,
  mark: IdempotencyMark | null,
): Promise<Result<Activity>> {
  const unopened: Activity = { ...fields, id: 0, status: 'stopped', createdAtMs: catalog.now(), version: 1 };
  const saved = await catalog.store.saveActivity(unopened, mark);
  switch (saved.kind) {
    case 'saved':
      catalog.keepActivity(saved.value);
      return ok(saved.value);
    case 'repeated': {
      if (!saved.same)
        return refused('idempotency_conflict', 'This Idempotency-Key was used for another request.');
      const activity = catalog.activity(saved.id);
      return activity === undefined
        ? refused('unavailable', 'The activity this key belongs to has not arrived here yet.')
        : ok(activity);
    }
    default:
      throw new Error(`an activity can't be ${saved.kind}`);
  }
}

async function open(catalog: Catalog, unopened: Activity, template: Template): Promise<Result<Activity>> {
  const activity: Activity = { ...unopened, status: 'active', version: 2 };
  const taken = await catalog.engine.openActivity(activity, template);
  if (!taken.ok) return insufficient(taken, activity.stock);
  try {
    await save(catalog, activity);
  } catch (error) {
    await catalog.link.closeActivity(activity);
    throw error;
  }
  await catalog.link.templateChanged(template.id, null);
  return ok(activity);
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
    if (next.stock > activity.stock) {
      const taken = await catalog.engine.resizeActivity(next, activity.stock, template);
      if (!taken.ok) return insufficient(taken, next.stock - activity.stock);
    }
    try {
      await save(catalog, next);
    } catch (error) {
      if (next.stock > activity.stock) await catalog.engine.resizeActivity(activity, next.stock, template);
      throw error;
    }
    await catalog.link.templateChanged(template.id, null);
    return ok(next);
  });
}

/** For good; its unsold units are the template's again. */
export function stopActivity(catalog: Catalog, id: number): Promise<Result<Activity>> {
  return change(catalog, id, async (activity) =>
    ok(activity.status === 'stopped' ? activity : await stop(catalog, activity)),
  );
}

/** In the template's turn, after it was deleted. */
export async function stopActivitiesOf(catalog: Catalog, templateId: number): Promise<void> {
  for (const activity of catalog.activitiesOf(templateId)) {
    if (activity.status === 'active') await stop(catalog, activity);
  }
}

/**
 * What time brings: activities whose end has passed, or whose template is gone, are stopped, and the engine is told
 * what it missed. To be called about once a second; may overlap with itself.
 */
export async function tick(catalog: Catalog): Promise<void> {
  const work: Promise<unknown>[] = [];
  for (const activity of catalog.activities()) {
    const orphaned = catalog.template(activity.templateId)?.status === 'deleted';
    if (activity.status !== 'active' || (isOpen(activity, catalog.now()) && !orphaned)) continue;
    work.push(
      catalog.inTurn(activity.templateId, async () => {
        const current = catalog.activity(activity.id)!;
        if (current.status === 'active' && (orphaned || !isOpen(current, catalog.now())))
          await stop(catalog, current);
      }),
    );
  }
  for (const id of catalog.link.behind()) work.push(catalog.inTurn(id, () => catalog.link.deliver(id)));
  await Promise.all(work);
}

function isOpen(activity: Activity, nowMs: number): boolean {
  return activity.status === 'active' && nowMs < activity.endsAtMs;
}

async function stop(catalog: Catalog, activity: Activity): Promise<Activity> {
  const stopped = await save(catalog, { ...activity, status: 'stopped', version: activity.version + 1 });
  // The rules first: claims are then told `ended` instead of waiting for units of a closed pool.
  await catalog.link.templateChanged(stopped.templateId, null);
  await catalog.link.closeActivity(stopped);
  return stopped;
}

async function save(catalog: Catalog, activity: Activity): Promise<Activity> {
  const saved = await catalog.store.saveActivity(activity, null);
  if (saved.kind !== 'saved') throw new Error(`an activity can't be ${saved.kind}`);
  catalog.keepActivity(saved.value);
  return saved.value;
}

function change(
  catalog: Catalog,
  id: number,
  work: (activity: Activity, template: Template) => Promise<Result<Activity>>,
): Promise<Result<Activity>> {
  const missing = refused('not_found', `There is no activity ${id}.`);
  const known = catalog.activity(id);
  if (known === undefined || !wasOpened(known)) return Promise.resolve(missing);
  return catalog.inTurn(known.templateId, async () => {
    const template = catalog.template(known.templateId);
    return template === undefined || template.status === 'deleted'
      ? missing
      : work(catalog.activity(id)!, template);
  });
}

function insufficient(taken: TakenUnits & { ok: false }, needed: number): Result<never> {
  const { available } = taken;
  return refused('insufficient_stock', `${needed} units are needed and ${available} are unsold.`, {
    available,
  });
}
