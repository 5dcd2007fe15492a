/** A file of rules sent part after part, and what the answers come to. */
import { statSync } from 'node:fs';
import type { ImportReport } from '../../catalog/import-run.ts';
import { IMPORT_LINES_MAX, IMPORT_ROWS_TOLD_MAX } from '../../limits.ts';
import { callApi } from '../api-client.ts';
import { CommandFailed, messageOf } from '../failure.ts';
import { count } from '../output.ts';
import { Progress } from '../progress.ts';
import type { ServerTarget } from '../server-target.ts';
import { ruleParts } from './rule-parts.ts';

/** Answered often enough to show how far it is; publishing takes longer. */
const PART_LINES = 2048;
const PUBLISHED_PART_LINES = 256;

/** The answers of `POST /v1/templates/import` for all parts; the answer's `dryRun` is what was asked. */
type ImportAnswer = Omit<ImportReport, 'dryRun'>;

export interface ImportResult extends ImportAnswer {
  readonly seconds: number;
  /** Why it ended early; the figures are those up to then. */
  readonly failure: CommandFailed | null;
}

export interface ImportManner {
  readonly dryRun: boolean;
  readonly publish: boolean;
}

/** `query`: what all rows share, as the API names it. */
export async function importRules(
  file: string,
  target: ServerTarget,
  query: Readonly<Record<string, string>>,
  { dryRun, publish }: ImportManner,
): Promise<ImportResult> {
  const bytes = sizeOf(file);
  // What a dry run would have made is known within one request only, so its parts are large.
  const linesMax = dryRun ? IMPORT_LINES_MAX - 1 : publish ? PUBLISHED_PART_LINES : PART_LINES;
  const progress = new Progress('import');
  const startMs = performance.now();
  let sum: ImportAnswer = NOTHING;
  let failure: CommandFailed | null = null;
  try {
    progress.update(0, () => '0 rows');
    for await (const part of ruleParts(file, linesMax)) {
      const told = new URLSearchParams({
        ...query,
        dryRun: String(dryRun),
        publish: String(publish),
        firstLine: String(part.firstLine),
      });
      const path = `/v1/templates/import?${told}`;
      sum = added(sum, (await callApi(target, 'POST', path, part.bytes, 'text/csv')) as ImportAnswer);
      const { rows, created, published } = sum;
      const share = bytes === 0 ? 1 : Math.min(1, part.bytesTo / bytes);
      const onSale = publish ? `, ${count(published)} published` : '';
      progress.update(share, () => `${count(rows)} rows, ${count(created)} created${onSale}`);
    }
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    failure = error;
  } finally {
    progress.end();
  }
  return { ...sum, seconds: (performance.now() - startMs) / 1000, failure };
}

const NOTHING: ImportAnswer = {
  rows: 0,
  created: 0,
  alreadyThere: 0,
  refusedCount: 0,
  refused: [],
  warningCount: 0,
  warnings: [],
  published: 0,
  unpublishedCount: 0,
  unpublished: [],
};

function added(one: ImportAnswer, other: ImportAnswer): ImportAnswer {
  return {
    rows: one.rows + other.rows,
    created: one.created + other.created,
    alreadyThere: one.alreadyThere + other.alreadyThere,
    refusedCount: one.refusedCount + other.refusedCount,
    refused: [...one.refused, ...other.refused].slice(0, IMPORT_ROWS_TOLD_MAX),
    warningCount: one.warningCount + other.warningCount,
    warnings: [...one.warnings, ...other.warnings].slice(0, IMPORT_ROWS_TOLD_MAX),
    published: one.published + other.published,
    unpublishedCount: one.unpublishedCount + other.unpublishedCount,
    unpublished: [...one.unpublished, ...other.unpublished].slice(0, IMPORT_ROWS_TOLD_MAX),
  };
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (error) {
    throw new CommandFailed(`cannot read ${file}: ${messageOf(error)}`);
  }
}
