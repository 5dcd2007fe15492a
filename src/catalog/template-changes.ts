/**
 * What operators do to templates: draft → published ⇄ disabled, deleted from anywhere. Each function is one change:
 * it waits for its turn, judges the stored template, stores the next version and tells the engine. Asking for a state
 * that is reached already is no mistake (the answer to the first request may have been lost) and changes nothing.
 */
import { randomUUID } from 'node:crypto';
import { spacesOverlap } from '../domain/code-space.ts';
import type { Template, TemplateStatus } from '../domain/template.ts';
import { STOCK_MAX, TEMPLATE_ID_MAX } from '../limits.ts';
import type { IdempotencyMark } from '../ports.ts';
import { ok, type Result, refused } from '../problems.ts';
import { stopActivitiesOf } from './activity-changes.ts';
import { windowTooSmall } from './activity-window.ts';
import type { Catalog } from './catalog.ts';
import { fingerprint, markOf } from './fingerprint.ts';
import { type Attempt, judged } from './judging.ts';
import { isOver } from './template-json.ts';
import { applied, changedFields, frozenProblem } from './template-patch.ts';
import { codesOverlap, extentFor, remember, save, settle } from './template-saving.ts';
import type { TemplateChanges, TemplateFields } from './template-schema.ts';

/** → the new draft, or on a repeat under the same key the template that was created then, as it is now. */
export function createTemplate(
  catalog: Catalog,
  fields: TemplateFields,
  key: string | null,
): Promise<Result<Template>> {
  const draft: Template = {
    ...fields,
    id: 0,
    status: 'draft',
    createdAtMs: catalog.now(),
    publishedAtMs: null,
    version: 1,
  };
  return judged(catalog, async () => {
    if (catalog.lastTemplateId >= TEMPLATE_ID_MAX)
      return refused('invalid_state', 'All template ids have been given out.');
    const saved = await catalog.store.saveTemplate(draft, null, markOf('POST /v1/templates', key, fields));
    const outcome = await settle(catalog, saved, fields.name);
    return outcome !== 'changed' && outcome.ok ? ok(outcome.value.template) : outcome;
  });
}

export function patchTemplate(
  catalog: Catalog,
  id: number,
  changes: TemplateChanges,
): Promise<Result<Template>> {
  return change(catalog, id, async (template) => {
    const next = applied(template, changes);
    if (!next.ok) return next;
    const changed = changedFields(template, next.value);
    if (changed.length === 0) return ok(template);
    const frozen = frozenProblem(template, next.value, changed);
    if (frozen !== null) return { ok: false, problem: frozen };
    const activities = catalog.activitiesOf(id, 'unopened ones too');
    const tooSmall = windowTooSmall(template, next.value, activities, catalog.now());
    if (tooSmall !== null) return { ok: false, problem: tooSmall };
    const isMoved = changed.includes('claimFromMs') || changed.includes('claimUntilMs');
    const extent = extentFor(catalog, template, next.value);
    return save(catalog, next.value, extent, null, isMoved ? activities : null);
  });
}

/** A first publish reserves the codes of the whole stock; publishing again re-enables a disabled template. */
export function publishTemplate(catalog: Catalog, id: number): Promise<Result<Template>> {
  return change(catalog, id, async (template) => {
    if (template.status === 'published') return ok(template);
    const nowMs = catalog.now();
    if (isOver(template, nowMs)) {
      return refused('invalid_state', 'Its claim window or its validity is over already; move it first.');
    }
    const publishedAtMs = template.publishedAtMs ?? nowMs;
    const next: Template = { ...template, status: 'published', publishedAtMs };
    // The store compares patterns again, with what all nodes have reserved by then; here also those without any units.
    const rival = overlapping(catalog, next);
    if (rival !== null) return codesOverlap(rival);
    return save(catalog, next, extentFor(catalog, template, next), null);
  });
}

/** Ends claiming until it is published again; coupons that users hold live on. */
export function disableTemplate(catalog: Catalog, id: number): Promise<Result<Template>> {
  return change(catalog, id, async (template) => {
    if (template.status === 'disabled') return ok(template);
    if (template.status !== 'published') return invalidState(template.status, 'disabled');
    return save(catalog, { ...template, status: 'disabled' }, null, null);
  });
}

/** Hides it, ends its activities and frees its name. Nothing that users hold is touched. */
export function deleteTemplate(catalog: Catalog, id: number): Promise<Result<Template>> {
  return change(
    catalog,
    id,
    async (template) => {
      if (template.status === 'deleted') return ok(template);
      const deleted = await save(catalog, { ...template, status: 'deleted' }, null, null);
      if (deleted !== 'changed' && deleted.ok) await stopActivitiesOf(catalog, id);
      return deleted;
    },
    'deleted ones too',
  );
}

/** Upward only, in every state; the same total again changes nothing. New units are claimable at once. */
export function raiseStock(
  catalog: Catalog,
  id: number,
  total: number,
  key: string | null,
): Promise<Result<Template>> {
  const mark = markOf(stockScope(id), key, { total });
  return change(catalog, id, async (template) => {
    if (total < template.total) {
      const below = `stock can only be raised: it is ${template.total}, asked for ${total}.`;
      return refusedOnce(catalog, template, mark, refused('field_frozen', below, { fields: ['stock'] }));
    }
    if (total === template.total) return mark === null ? ok(template) : remember(catalog, template, mark);
    const next = { ...template, total };
    return save(catalog, next, extentFor(catalog, template, next), mark);
  });
}

/**
 * So many units more than there are when its turn comes, on whichever node: of several at once each is added, and each
 * once. It is named in what is stored, since two that make the same of the same version would look like one; and it is
 * kept as done, with a key of its own where the request has none, since a save whose answer was lost is made again.
 */
export function addStock(
  catalog: Catalog,
  id: number,
  units: number,
  key: string | null,
): Promise<Result<Template>> {
  const addition = randomUUID();
  const asked = markOf(stockScope(id), key, { add: units });
  const mark = asked ?? markOf(`${stockScope(id)} once`, addition, null);
  return change(catalog, id, async (template) => {
    const total = template.total + units;
    if (total > STOCK_MAX) return refusedOnce(catalog, template, asked, beyondStock(template, units));
    const next = { ...template, total, lastAddition: addition };
    return save(catalog, next, extentFor(catalog, template, next), mark);
  });
}

function stockScope(id: number): string {
  return `PUT /v1/templates/${id}/stock`;
}

function beyondStock({ total }: Template, units: number): Result<never> {
  const problem = `is ${units}, on top of ${total}`;
  const allowed = total === STOCK_MAX ? 'nothing more' : `an integer from 1 to ${STOCK_MAX - total}`;
  return refused('invalid_request', `add: ${problem} (allowed: ${allowed})`, {
    errors: [{ field: 'add', problem, allowed }],
  });
}

/**
 * Too little or too much: either wrong, or the repeat of a request that was right when its key was used first. The port
 * tells whether a key is known only by using it, so the refusal itself is marked, under a fingerprint of its own:
 * known as "refused" or not known before → refused; known otherwise → asked again under the fingerprint it would
 * have had, which tells a repeat from another request.
 */
async function refusedOnce(
  catalog: Catalog,
  template: Template,
  mark: IdempotencyMark | null,
  refusal: Result<never>,
): Promise<Attempt<Template>> {
  if (mark !== null) {
    const asRefused = { ...mark, fingerprint: fingerprint({ refused: mark.fingerprint }) };
    const seen = await catalog.store.saveTemplate(template, null, asRefused);
    if (seen.kind === 'changed') return 'changed';
    if (seen.kind === 'repeated' && !seen.same) return remember(catalog, template, mark);
  }
  return refusal;
}

function change(
  catalog: Catalog,
  id: number,
  work: (template: Template) => Promise<Attempt<Template>>,
  which: 'deleted ones too' | 'living ones' = 'living ones',
): Promise<Result<Template>> {
  const judge = async (): Promise<Attempt<Template>> => {
    const template = catalog.template(id);
    if (template === undefined || (template.status === 'deleted' && which === 'living ones')) {
      return refused('not_found', `There is no template ${id}.`);
    }
    return work(template);
  };
  return catalog.change(id, () => judged(catalog, judge));
}

/** Two spaces with a code in common would break "codes are unique"; only patterns can (code-space.ts says why). */
function overlapping(catalog: Catalog, candidate: Template): number | null {
  if (candidate.code === null) return null;
  const name = `${candidate.code.pattern}|${candidate.code.charset}`;
  for (const { id, code, publishedAtMs } of catalog.templates()) {
    if (code === null || publishedAtMs === null || id === candidate.id) continue;
    const other = `${code.pattern}|${code.charset}`;
    if (other !== name && spacesOverlap(name, other)) return id;
  }
  return null;
}

function invalidState(status: TemplateStatus, wanted: string): Result<Template> {
  return refused('invalid_state', `A template that is ${status} can't be ${wanted}.`, { status });
}
