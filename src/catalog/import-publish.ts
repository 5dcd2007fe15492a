/** Templates of an import put on sale, as an operator would one by one; those that cannot be stay drafts. */
import { IMPORT_PUBLISHES_MAX } from '../limits.ts';
import { ok, type Result, refused } from '../problems.ts';
import type { Catalog } from './catalog.ts';
import type { RefusedRow } from './import-rules.ts';
import { publishTemplate } from './template-changes.ts';

export interface DraftRow {
  readonly line: number;
  readonly id: string;
  readonly templateId: number;
}

/** A row whose template is there, and not published for this reason. */
export interface UnpublishedRow extends RefusedRow {
  readonly templateId: string;
}

export interface Published {
  readonly published: number;
  /** By line. */
  readonly unpublished: readonly UnpublishedRow[];
}

/**
 * Some at a time, since each waits for the store and the engine. A server that cannot publish right now is no matter of
 * a row: the first such refusal ends it, and is answered for all, so that nobody waits out the patience of each.
 */
export async function publishDrafts(
  catalog: Catalog,
  drafts: readonly DraftRow[],
): Promise<Result<Published>> {
  const waiting = drafts.values();
  const unpublished: UnpublishedRow[] = [];
  let published = 0;
  let halt: Result<never> | null = null;
  let isOver = false;
  const work = async (): Promise<void> => {
    // One iterator for all: each takes the next.
    for (const { line, id, templateId } of waiting) {
      if (isOver) return;
      const outcome = await publishTemplate(catalog, templateId).catch((error: unknown) => {
        isOver = true;
        throw error;
      });
      if (outcome.ok) {
        published++;
        continue;
      }
      const { code, detail } = outcome.problem;
      if (code === 'unavailable' || code === 'overloaded') {
        halt ??= refused(code, `Line ${line}, template ${templateId}: ${detail}`);
        isOver = true;
      } else {
        unpublished.push({ line, id, templateId: String(templateId), code, detail });
      }
    }
  };
  await Promise.all(Array.from({ length: IMPORT_PUBLISHES_MAX }, work));
  return halt ?? ok({ published, unpublished: unpublished.sort((a, b) => a.line - b.line) });
}
