/**
 * Rules that an operator has in a file, made into drafts and published where that is wanted. Row by row: what can be
 * read is kept, what cannot is told by line and reason, and nothing is guessed. A row whose template is there already
 * makes nothing, so a file can be sent again when its import was cut, or has grown; a draft that one left is published.
 *
 * Claims are taken on this thread too: rows are read in slices of a few milliseconds, and saved many in a transaction.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { IMPORT_LINE_BYTES_MAX, IMPORT_LINES_MAX, IMPORT_SLICE_MS } from '../limits.ts';
import { ok, type Result, refused } from '../problems.ts';
import type { Catalog } from './catalog.ts';
import { bodyLines, hasMoreLines } from './csv-body.ts';
import { readColumns } from './import-columns.ts';
import { checkShared, RuleReader, refusedRow, type TemplateChecks } from './import-rules.ts';
import { type ImportReport, ImportRun } from './import-run.ts';
import type { ImportOptions } from './import-schema.ts';

/** The first row of `body` names the columns. */
export async function importTemplates(
  catalog: Catalog,
  body: Uint8Array,
  options: ImportOptions,
  checks: TemplateChecks,
): Promise<Result<ImportReport>> {
  const shared = checkShared(options, checks);
  if (!shared.ok) return shared;
  if (hasMoreLines(body, IMPORT_LINES_MAX))
    return refused(
      'payload_too_large',
      `The body has more than ${IMPORT_LINES_MAX} lines; send it in parts.`,
      {
        linesMax: IMPORT_LINES_MAX,
      },
    );
  if (catalog.isShared) await catalog.takeIn();
  const lines = bodyLines(body, IMPORT_LINE_BYTES_MAX);
  const run = new ImportRun(catalog, options);
  let reader: RuleReader | null = null;
  // Lines of the file, of which this may be a part, before those of the body.
  const linesBefore = options.firstLine - 2;
  let sliceFromMs = performance.now();
  for (const read of lines) {
    if (performance.now() - sliceFromMs > IMPORT_SLICE_MS) {
      await nextTurn();
      sliceFromMs = performance.now();
    }
    if (reader === null) {
      if (read.kind === 'unreadable')
        return refused('invalid_request', `The first row ${read.problem}; it is to name the columns.`);
      if (read.kind === 'empty') continue;
      const columns = readColumns(read.cells, options.ignore, options.currency !== undefined);
      if (!columns.ok) return columns;
      reader = new RuleReader(columns.value, options, checks);
      continue;
    }
    if (read.kind === 'empty') continue;
    const line = read.line + linesBefore;
    run.take(
      read.kind === 'cells'
        ? reader.read(line, read.cells)
        : refusedRow(line, null, 'invalid_request', `row: ${read.problem}`),
    );
    if (run.isBatchFull) {
      const saved = await run.save();
      if (!saved.ok) return saved;
      sliceFromMs = performance.now();
    }
  }
  if (reader === null)
    return refused('invalid_request', 'The body is empty; its first row is to name the columns.');
  const saved = await run.save();
  return saved.ok ? ok(run.report()) : saved;
}
