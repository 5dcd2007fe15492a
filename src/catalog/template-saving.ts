/** How a changed template gets into the store, into memory and to the engine; the same for every change. */
import type { CodeExtent, Template } from '../domain/template.ts';
import type { ExtentRequest, IdempotencyMark, SaveOutcome } from '../ports.ts';
import { ok, refused } from '../problems.ts';
import type { Catalog } from './catalog.ts';
import type { Attempt } from './judging.ts';

/** Stores the next version, keeps it, and tells the engine if claims can be concerned. */
export async function save(
  catalog: Catalog,
  changed: Template,
  extent: ExtentRequest | null,
  mark: IdempotencyMark | null,
): Promise<Attempt<Template>> {
  const next = { ...changed, version: changed.version + 1 };
  const outcome = settle(catalog, await catalog.store.saveTemplate(next, extent, mark), next.name);
  if (outcome === 'changed' || !outcome.ok) return outcome;
  const { template, isNew, newExtent } = outcome.value;
  if (isNew && template.publishedAtMs !== null) await catalog.link.templateChanged(template.id, newExtent);
  return ok(template);
}

/** Nothing changes, but the key is kept, so that its repeat is known and its use for something else refused. */
export async function remember(
  catalog: Catalog,
  template: Template,
  mark: IdempotencyMark,
): Promise<Attempt<Template>> {
  const outcome = settle(catalog, await catalog.store.saveTemplate(template, null, mark), template.name);
  return outcome !== 'changed' && outcome.ok ? ok(outcome.value.template) : outcome;
}

interface Settled {
  readonly template: Template;
  readonly isNew: boolean;
  readonly newExtent: CodeExtent | null;
}

export function settle(catalog: Catalog, saved: SaveOutcome<Template>, name: string): Attempt<Settled> {
  switch (saved.kind) {
    case 'saved':
      catalog.keepTemplate(saved.value);
      catalog.onSaved?.();
      return ok({ template: saved.value, isNew: true, newExtent: newExtent(catalog, saved.extent) });
    case 'name_taken':
      return refused('name_taken', `Another template is named "${name}".`);
    case 'code_space_full':
      return refused('code_space_full', 'There are not enough unused codes for this stock.');
    case 'changed':
      return 'changed';
    case 'repeated': {
      if (!saved.same)
        return refused('idempotency_conflict', 'This Idempotency-Key was used for another request.');
      const template = catalog.template(saved.id);
      // Another node saved it, and it has not arrived here yet.
      if (template === undefined) return 'changed';
      return ok({ template, isNew: false, newExtent: null });
    }
  }
}

/** Null also for one that came back from the store on another way already: it is owed to the engine since then. */
function newExtent(catalog: Catalog, extent: CodeExtent | null): CodeExtent | null {
  return extent !== null && catalog.keepExtent(extent) ? extent : null;
}

/** Codes are reserved before their units can be claimed: for all units at the first publish, later for those added. */
export function extentFor(catalog: Catalog, before: Template, next: Template): ExtentRequest | null {
  if (next.publishedAtMs === null) return null;
  const firstSerial = before.publishedAtMs === null ? 0 : before.total;
  if (next.total === firstSerial) return null;
  return {
    firstSerial,
    length: next.total - firstSerial,
    spaces: catalog.spaces(next, next.publishedAtMs),
  };
}
