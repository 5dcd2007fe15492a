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

/** The same after units were taken for it: if it is not stored, its pool is made what the stored one's must be. */
export async function saveWithUnits(catalog: Catalog, activity: Activity): Promise<Attempt<Activity>> {
  try {
    const saved = await save(catalog, activity);
    if (saved === 'changed') await unitsAsStored(catalog, activity);
    return saved;
  } catch (error) {
    await unitsAsStored(catalog, activity);
    throw error;
  }
}

/**
 * In the template's turn. While the store does not say what is stored nothing is moved (a save that failed may have
 * come through): the activity stays unsettled, and the tick asks again.
 */
export async function unitsAsStored(catalog: Catalog, attempted: Activity): Promise<void> {
  try {
    await catalog.takeIn();
  } catch {
    catalog.unsettled.set(attempted.id, attempted);
    return;
  }
  catalog.unsettled.delete(attempted.id);
  const stored = catalog.activity(attempted.id)!;
  if (stored.status === 'active') await catalog.link.resizeActivity(stored, attempted.stock);
  else await catalog.link.closeActivity(stored);
}
