/** How a changed template gets into the store, into memory and to the engine; the same for every change. */
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import type { ExtentRequest, IdempotencyMark, SaveOutcome } from '../ports.ts';
import { ok, type Result, refused } from '../problems.ts';
import type { Catalog } from './catalog.ts';
import type { Attempt } from './judging.ts';

/**
 * Stores the next version, keeps it, and tells the engine if claims can be concerned. `judgedBy`: all the template's
 * activities, where it was judged by them.
 */
export async function save(
  catalog: Catalog,
  changed: Template,
  extent: ExtentRequest | null,
  mark: IdempotencyMark | null,
  judgedBy: readonly Activity[] | null = null,
): Promise<Attempt<Template>> {
  const next = { ...changed, version: changed.version + 1 };
  const versions = judgedBy?.map(({ id, version }) => ({ id, version })) ?? null;
  const saved = await catalog.store.saveTemplate(next, extent, mark, versions);
  const outcome = await settle(catalog, saved, next.name);
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
  const saved = await catalog.store.saveTemplate(template, null, mark);
  const outcome = await settle(catalog, saved, template.name);
  return outcome !== 'changed' && outcome.ok ? ok(outcome.value.template) : outcome;
}

export function codesOverlap(rival: number): Result<never> {
  const detail = `Its code pattern could make codes of template ${rival}.`;
  return refused('invalid_state', detail, { templateId: String(rival) });
}

interface Settled {
  readonly template: Template;
  readonly isNew: boolean;
  readonly newExtent: CodeExtent | null;
}

export async function settle(
  catalog: Catalog,
  saved: SaveOutcome<Template>,
  name: string,
): Promise<Attempt<Settled>> {
  switch (saved.kind) {
    case 'saved':
      catalog.keepTemplate(saved.value);
      catalog.onSaved?.();
      return ok({ template: saved.value, isNew: true, newExtent: newExtent(catalog, saved.extent) });
    case 'name_taken':
      return refused('name_taken', `Another template is named "${name}".`);
    case 'code_space_full':
      return refused('code_space_full', 'There are not enough unused codes for this stock.');
    case 'codes_overlap':
      return codesOverlap(saved.templateId);
    case 'changed':
      return 'changed';
    case 'repeated': {
      if (!saved.same)
        return refused('idempotency_conflict', 'This Idempotency-Key was used for another request.');
      // Another node may have saved it, and the answer is to show what it did.
      if (catalog.isShared) await catalog.takeIn();
      const template = catalog.template(saved.id);
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
