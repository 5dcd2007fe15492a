/**
 * How activities get into the store and into memory, and how their units follow.
 *
 * Units move in the ledger, which knows nothing of what is stored, and a node may die between any two steps. So what is
 * about to be done is stored first (`askedStock`), then the units are moved, then it is stored as done. Whoever finds
 * word of something that was not brought to its end does so: what was enlarged is completed, because units that were
 * taken may be sold already; what was never opened gives its units back, because nobody can have claimed one.
 */

import { wasOpened } from '../domain/lifecycle.ts';
import type { Activity, Template } from '../domain/template.ts';
import type { IdempotencyMark } from '../ports.ts';
import { ok, refused } from '../problems.ts';
import type { ActivityFields } from './activity-schema.ts';
import type { Catalog } from './catalog.ts';
import type { TakenUnits } from './engine-port.ts';
import type { Attempt } from './judging.ts';
import { isOver } from './template-json.ts';

/** Steps of settling; each further pair means that somebody else's change came through. */
const TRIES_MAX = 16;

/** Unopened and asked for, or on a repeat the activity of then as it is now. */
export async function storeUnopened(
  catalog: Catalog,
  fields: ActivityFields,
  mark: IdempotencyMark | null,
): Promise<Attempt<Activity>> {
  const unopened: Activity = {
    ...fields,
    id: 0,
    status: 'unopened',
    askedStock: fields.stock,
    createdAtMs: catalog.now(),
    version: 1,
  };
  const saved = await catalog.store.saveActivity(unopened, mark);
  switch (saved.kind) {
    case 'saved':
      catalog.keepActivity(saved.value);
      return ok(saved.value);
    case 'repeated': {
      if (!saved.same)
        return refused('idempotency_conflict', 'This Idempotency-Key was used for another request.');
      const activity = catalog.activity(saved.id);
      // Another node saved it, and it has not arrived here yet.
      return activity === undefined ? 'changed' : ok(activity);
    }
    default:
      throw new Error(`a new activity can't be ${saved.kind}`);
  }
}

/** The next version. `template`: what it was judged by; when another version of that is stored, it is `changed`. */
export async function save(
  catalog: Catalog,
  changed: Activity,
  template: Template | null = null,
): Promise<Attempt<Activity>> {
  const next = { ...changed, version: changed.version + 1 };
  const saved = await catalog.store.saveActivity(next, null, template?.version ?? null);
  if (saved.kind === 'changed') return 'changed';
  if (saved.kind !== 'saved') throw new Error(`an activity can't be ${saved.kind}`);
  catalog.keepActivity(saved.value);
  catalog.onSaved?.();
  return ok(saved.value);
}

export function withoutAsking({ askedStock: _, ...activity }: Activity): Activity {
  return activity;
}

/** Somebody is at it, or was and is not any more. */
export function isAsked({ status, version, askedStock }: Activity): boolean {
  return askedStock !== undefined || (status === 'stopped' && version === 1);
}

/**
 * Moves units for an activity that is stored with `askedStock`. Until `settle` or a save that says what was done, its
 * pool is not known to be what is stored.
 */
export async function takeUnits(
  catalog: Catalog,
  asked: Activity,
  template: Template,
  how: 'openActivity' | 'resizeActivity',
): Promise<TakenUnits> {
  catalog.unsettled.set(asked.id, { templateId: template.id, logged: false });
  // The engine may not have heard yet of what was taken in from other nodes.
  await catalog.link.deliver(template.id);
  const wanted = { ...withoutAsking(asked), stock: asked.askedStock! };
  return how === 'openActivity'
    ? catalog.engine.openActivity(wanted, template)
    : catalog.engine.resizeActivity(wanted, asked.stock, template);
}

/**
 * In the template's turn: brings what was asked for to its end, makes the activity's pool what is stored, and looks
 * again whether that still is stored: so whoever puts something older into the pool than somebody else has stored sees
 * it in that look. What does not succeed is left to the tick; while the store does not say what is stored nothing is
 * moved, for a save that failed may have come through.
 */
export async function settle(catalog: Catalog, id: number): Promise<void> {
  try {
    // One that never was opened is taken over by a save first: whoever is still at it finds it `changed`.
    let takenOver: Activity | null = null;
    let isNews = false;
    for (let tries = 1; ; tries++) {
      if (tries > TRIES_MAX) throw new Error('it was changed elsewhere at the same moment, again and again');
      await catalog.takeIn();
      const activity = catalog.activity(id)!;
      const next = await settled(catalog, activity, activity === takenOver);
      if (next === null) {
        await catalog.takeIn();
        if (catalog.activity(id) === activity) break;
      } else {
        const saved = await save(catalog, next);
        if (saved === 'changed' || !saved.ok) continue;
        if (isAsked(saved.value)) takenOver = saved.value;
        isNews ||= wasOpened(saved.value);
      }
    }
    if (isNews) await catalog.link.templateChanged(catalog.activity(id)!.templateId, null);
    catalog.unsettled.delete(id);
  } catch (error) {
    if (!catalog.unsettled.get(id)?.logged) {
      const message = 'the units of an activity are not known to be what is stored; it is tried again';
      catalog.log.error({ err: error, activityId: id }, message);
    }
    catalog.unsettled.set(id, { templateId: catalog.activity(id)!.templateId, logged: true });
  }
}

/** Moves units; what is to be stored after that, or null when nothing is. */
async function settled(catalog: Catalog, activity: Activity, isTakenOver: boolean): Promise<Activity | null> {
  const { engine, link } = catalog;
  const { stock, askedStock } = activity;
  const template = catalog.template(activity.templateId)!;
  await link.deliver(template.id);
  if (activity.status !== 'active') {
    const isUnopened = isAsked(activity);
    if (isUnopened && !isTakenOver) return { ...activity, status: 'unopened', askedStock: stock };
    await engine.closeActivity(activity, template);
    return isUnopened ? withoutAsking(activity) : null;
  }
  const wanted = { ...withoutAsking(activity), stock: askedStock ?? stock };
  const taken = await engine.resizeActivity(wanted, stock, template);
  if (askedStock !== undefined) return taken.ok ? wanted : withoutAsking(activity);
  if (!taken.ok) throw new Error(`its units are short: ${taken.available} are unsold`);
  return null;
}

/**
 * At the start of a node: the last one that ran may have stored a change and died before the ledger knew, with nobody
 * left to hear of it. Everything here bears repetition; what can sell nothing any more is left alone.
 */
export function oweStored(catalog: Catalog): void {
  for (const template of catalog.templates()) {
    if (template.publishedAtMs === null || template.status === 'deleted' || isOver(template, catalog.now()))
      continue;
    catalog.link.owe(template.id, null);
    for (const activity of catalog.activitiesOf(template.id)) {
      if (activity.status === 'stopped') catalog.link.oweClose(activity);
      else if (!isAsked(activity)) catalog.doubted.add(activity.id);
    }
  }
}
