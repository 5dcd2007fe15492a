/**
 * What operators, and the clock, do to activities. The order of storing and of moving units is engine-port.ts's.
 *
 * An activity is stored first as `unopened`, because the store assigns the id its pool is named by, and becomes visible
 * when its units are there. One that stays unopened, for want of units or by a crash, is shown to nobody; its
 * Idempotency-Key takes the attempt up again.
 */

import { wasOpened } from '../domain/lifecycle.ts';
import type { Activity, Template } from '../domain/template.ts';
import { MAY_SERVE_MS } from '../ports-cluster.ts';
import { ok, type Result, refused } from '../problems.ts';
import { isAsked, save, settle, storeUnopened, takeUnits, withoutAsking } from './activity-saving.ts';
import type { ActivityChanges, ActivityFields } from './activity-schema.ts';
import { activityOutside } from './activity-window.ts';
import type { Catalog } from './catalog.ts';
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
  return settledAfter(catalog, fields.templateId, judge);
}

function whyNot(template: Template, fields: ActivityFields, nowMs: number): Result<Activity> | null {
  if (template.status !== 'published' || isOver(template, nowMs)) {
    return refused('invalid_state', 'Its template is not open for claims.', { status: template.status });
  }
  if (template.distribution === 'grant') return refused('invalid_state', 'Its template is for grants only.');
  if (fields.endsAtMs <= nowMs) return refused('invalid_state', 'It would be over already.');
  const outside = activityOutside(template, fields, null);
  return outside === null ? null : { ok: false, problem: outside };
}

async function open(catalog: Catalog, unopened: Activity, template: Template): Promise<Attempt<Activity>> {
  // Its first attempt was given up.
  const asked = isAsked(unopened) ? ok(unopened) : await ask(catalog, unopened, unopened.stock);
  if (asked === 'changed' || !asked.ok) return asked;
  const taken = await takeUnits(catalog, asked.value, template, 'openActivity');
  if (!taken.ok) return givenUp(catalog, asked.value, insufficient(taken, unopened.stock));
  return done(catalog, { ...withoutAsking(asked.value), status: 'active' }, template);
}

function ask(catalog: Catalog, activity: Activity, askedStock: number): Promise<Attempt<Activity>> {
  return save(catalog, { ...activity, askedStock });
}

/** Nothing was taken, and nobody needs to look after it. */
async function givenUp(catalog: Catalog, asked: Activity, why: Result<Activity>): Promise<Attempt<Activity>> {
  const saved = await save(catalog, withoutAsking(asked));
  if (saved === 'changed') return saved;
  catalog.unsettled.delete(asked.id);
  if (wasOpened(asked)) await catalog.link.templateChanged(asked.templateId, null);
  return why;
}

/** Stored, and told to the engine. `template`: what it was judged by, where that matters. */
async function done(
  catalog: Catalog,
  changed: Activity,
  template: Template | null,
): Promise<Attempt<Activity>> {
  const saved = await save(catalog, changed, template);
  if (saved === 'changed') return saved;
  catalog.unsettled.delete(changed.id);
  await catalog.link.templateChanged(changed.templateId, null);
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
    const outside = activityOutside(template, changed, activity);
    if (outside !== null) return { ok: false, problem: outside };
    const isMoved = changed.startsAtMs !== activity.startsAtMs || changed.endsAtMs !== activity.endsAtMs;
    const judgedBy = isMoved ? template : null;
    if (changed.stock === activity.stock) return done(catalog, changed, judgedBy);
    const asked = await ask(catalog, activity, changed.stock);
    if (asked === 'changed' || !asked.ok) return asked;
    const taken = await takeUnits(catalog, asked.value, template, 'resizeActivity');
    if (!taken.ok) {
      return givenUp(catalog, asked.value, insufficient(taken, changed.stock - activity.stock));
    }
    return done(catalog, { ...changed, version: asked.value.version }, judgedBy);
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
 * What time brings: activities whose end has passed, or whose template is gone, are stopped; what somebody asked for and
 * did not bring to its end is; and the engine is told what it missed. To be called about once a second on every node;
 * may overlap with itself, here and elsewhere: work that waits for its turn already is not asked for again.
 */
export async function tick(catalog: Catalog): Promise<void> {
  const templates = new Set(catalog.link.behind());
  for (const activity of catalog.activities()) {
    if (isAbandoned(catalog, activity)) catalog.doubted.add(activity.id);
    if (isDue(catalog, activity)) templates.add(activity.templateId);
  }
  for (const id of catalog.doubted) templates.add(catalog.activity(id)!.templateId);
  for (const { templateId } of catalog.unsettled.values()) templates.add(templateId);
  await Promise.all([...templates].map((id) => catalog.attend(id, 'tick', () => attendTo(catalog, id))));
}

async function attendTo(catalog: Catalog, templateId: number): Promise<void> {
  await catalog.link.deliver(templateId);
  for (const { id } of catalog.activitiesOf(templateId)) {
    if (!isDue(catalog, catalog.activity(id)!)) continue;
    await judged(catalog, async () => {
      const current = catalog.activity(id)!;
      return isDue(catalog, current) ? stopped(catalog, current) : ok(current);
    });
  }
  for (const id of [...catalog.doubted]) {
    if (catalog.activity(id)!.templateId !== templateId) continue;
    await settle(catalog, id);
    catalog.doubted.delete(id);
  }
  await settleAll(catalog, templateId);
}

/**
 * Units were asked for it, and for longer than a living node takes nothing has come of it. Where no other node is, the
 * turn that this one takes says that nobody is at it.
 */
function isAbandoned(catalog: Catalog, activity: Activity): boolean {
  const { id, version } = activity;
  if (!isAsked(activity)) {
    catalog.asked.delete(id);
    return false;
  }
  if (catalog.unsettled.has(id)) return false;
  if (!catalog.isShared) return true;
  const nowMs = catalog.now();
  if (catalog.asked.get(id)?.version !== version) catalog.asked.set(id, { version, sinceMs: nowMs });
  return nowMs - catalog.asked.get(id)!.sinceMs >= MAY_SERVE_MS;
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
  const saved = await save(catalog, { ...withoutAsking(activity), status: 'stopped' });
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
    if (!isThere) return missing;
    if (!isAsked(activity)) return work(activity, template);
    // Whoever asked may be gone. Where it still is at it, both do the same.
    await settle(catalog, id);
    if (catalog.activity(id) !== activity) return 'changed';
    return refused('unavailable', 'Its units are being moved, and that could not be brought to its end now.');
  };
  return settledAfter(catalog, known.templateId, judge);
}

/** A change in its template's turn; where it leaves units that are not known to be what is stored, they are made so. */
function settledAfter(
  catalog: Catalog,
  templateId: number,
  judge: () => Promise<Attempt<Activity>>,
): Promise<Result<Activity>> {
  return catalog.change(templateId, async () => {
    try {
      return await judged(catalog, judge);
    } finally {
      await settleAll(catalog, templateId);
    }
  });
}

async function settleAll(catalog: Catalog, templateId: number): Promise<void> {
  for (const [id, unsettled] of [...catalog.unsettled])
    if (unsettled.templateId === templateId) await settle(catalog, id);
}

function insufficient(taken: TakenUnits & { ok: false }, needed: number): Result<never> {
  const { available } = taken;
  return refused('insufficient_stock', `${needed} units are needed and ${available} are unsold.`, {
    available,
  });
}
