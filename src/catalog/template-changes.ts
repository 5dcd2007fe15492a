/**
 * What operators do to templates: draft → published ⇄ disabled, deleted from anywhere. Each function is one change:
 * it waits for its turn, judges the stored template, stores the next version and tells the engine. Asking for a state
 * that is reached already is no mistake (the answer to the first request may have been lost) and changes nothing.
 */
import { spacesOverlap } from '../domain/code-space.ts';
import type { Template, TemplateStatus } from '../domain/template.ts';
import { TEMPLATE_ID_MAX } from '../limits.ts';
import type { IdempotencyMark } from '../ports.ts';
import { ok, type Result, refused } from '../problems.ts';
import { stopActivitiesOf } from './activity-changes.ts';
import type { Catalog } from './catalog.ts';
import { fingerprint, markOf } from './fingerprint.ts';
import { type Attempt, judged } from './judging.ts';
import { isOver } from './template-json.ts';
import { applied, changedFields, frozenProblem } from './template-patch.ts';
import { extentFor, remember, save, settle } from './template-saving.ts';
import type { TemplateChanges, TemplateFields } from './template-schema.ts';

/** No template has this id. */
const PATTERNS_TURN = 0;

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
    let idMax = 0;
    for (const template of catalog.templates()) idMax = Math.max(idMax, template.id);
    if (idMax >= TEMPLATE_ID_MAX) return refused('invalid_state', 'All template ids have been given out.');
    const saved = await catalog.store.saveTemplate(draft, null, markOf('POST /v1/templates', key, fields));
    const outcome = settle(catalog, saved, fields.name);
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
    return save(catalog, next.value, extentFor(catalog, template, next.value), null);
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
    const publish = () => save(catalog, next, extentFor(catalog, template, next), null);
    if (next.code === null) return publish();
    // Patterns are compared with one another, so their publishing takes turns across templates too.
    return catalog.inTurn(PATTERNS_TURN, async () => {
      const rival = overlapping(catalog, next);
      if (rival === null) return publish();
      const detail = `Its code pattern could make codes of template ${rival}.`;
      return refused('invalid_state', detail, { templateId: String(rival) });
    });
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
  const mark = markOf(`PUT /v1/templates/${id}/stock`, key, { total });
  return change(catalog, id, async (template) => {
    if (total < template.total) return stockBelow(catalog, template, total, mark);
    if (total === template.total) return mark === null ? ok(template) : remember(catalog, template, mark);
    const next = { ...template, total };
    return save(catalog, next, extentFor(catalog, template, next), mark);
  });
}

/**
 * Less than there is: either wrong, or the repeat of a request that was right when its key was used first. The port
 * tells whether a key is known only by using it, so the refusal itself is marked, under a fingerprint of its own:
 * known as "refused" or not known before → refused; known otherwise → asked again under the fingerprint it would
 * have had, which tells a repeat from another request.
 */
async function stockBelow(
  catalog: Catalog,
  template: Template,
  total: number,
  mark: IdempotencyMark | null,
): Promise<Attempt<Template>> {
  if (mark !== null) {
    const refusal = { ...mark, fingerprint: fingerprint({ refused: mark.fingerprint }) };
    const seen = await catalog.store.saveTemplate(template, null, refusal);
    if (seen.kind === 'changed') return 'changed';
    if (seen.kind === 'repeated' && !seen.same) return remember(catalog, template, mark);
  }
  return refused('field_frozen', `stock can only be raised: it is ${template.total}, asked for ${total}.`, {
    fields: ['stock'],
  });
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
  return catalog.inTurn(id, () => judged(catalog, judge));
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
