/** How activities get into the store and into memory, and what becomes of units taken for one that did not. */
import type { Activity } from '../domain/template.ts';
import type { IdempotencyMark } from '../ports.ts';
import { ok, refused } from '../problems.ts';
import type { ActivityFields } from './activity-schema.ts';
import type { Catalog } from './catalog.ts';
import type { Attempt } from './judging.ts';

/** Version 1, or on a repeat the activity of then as it is now. */
export async function storeUnopened(
  catalog: Catalog,
  fields: ActivityFields,
  mark: IdempotencyMark | null,
): Promise<Attempt<Activity>> {
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
      // Another node saved it, and it has not arrived here yet.
      return activity === undefined ? 'changed' : ok(activity);
    }
    default:
      throw new Error(`a new activity can't be ${saved.kind}`);
  }
}

export async function save(catalog: Catalog, activity: Activity): Promise<Attempt<Activity>> {
  const saved = await catalog.store.saveActivity(activity, null);
  if (saved.kind === 'changed') return 'changed';
  if (saved.kind !== 'saved') throw new Error(`an activity can't be ${saved.kind}`);
  catalog.keepActivity(saved.value);
  catalog.onSaved?.();
  return ok(saved.value);
}

/**
 * The same after units were taken for it. Where several nodes do so at once each makes the pool what it wants stored, so
 * afterwards it is made what is stored, by the one whose save came through as by those who were too late.
 */
export async function saveWithUnits(catalog: Catalog, activity: Activity): Promise<Attempt<Activity>> {
  try {
    const saved = await save(catalog, activity);
    if (saved === 'changed' || catalog.isShared) await unitsAsStored(catalog, activity);
    return saved;
  } catch (error) {
    await unitsAsStored(catalog, activity);
    throw error;
  }
}

/**
 * In the template's turn: makes an activity's pool what is stored, and looks again whether that still is stored. The
 * last save is followed by such a call, and any that puts something older into the pool after it sees it in that
 * look. What does not succeed is left to the tick; while the store does not say what is stored nothing is moved, for a
 * save that failed may have come through.
 */
export async function unitsAsStored(catalog: Catalog, attempted: Activity): Promise<void> {
  const { id, templateId } = attempted;
  try {
    await catalog.takeIn();
    for (let done: Activity | null = null; done !== catalog.activity(id)!; await catalog.takeIn()) {
      done = catalog.activity(id)!;
      const template = catalog.template(templateId)!;
      await catalog.link.deliver(templateId);
      if (done.status !== 'active') await catalog.engine.closeActivity(done, template);
      else {
        const taken = await catalog.engine.resizeActivity(done, attempted.stock, template);
        if (!taken.ok) throw new Error(`its units are short: ${taken.available} are unsold`);
      }
    }
    catalog.unsettled.delete(id);
  } catch (error) {
    if (!catalog.unsettled.has(id)) {
      const message = 'the units of an activity are not known to be what is stored; it is tried again';
      catalog.log.error({ err: error, activityId: id }, message);
    }
    catalog.unsettled.set(id, attempted);
  }
}
