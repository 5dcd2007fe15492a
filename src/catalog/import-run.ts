/** What becomes of the rows of one import: gathered, stored many in a transaction, published, and counted for the report. */
import { discountWarnings, type Warning } from '../domain/discount-sense.ts';
import type { Template } from '../domain/template.ts';
import { nameKey } from '../domain/template-name.ts';
import { IMPORT_BATCH_TEMPLATES, IMPORT_ROWS_TOLD_MAX, TEMPLATE_ID_MAX } from '../limits.ts';
import { ok, type Result } from '../problems.ts';
import type { Catalog } from './catalog.ts';
import { type DraftRow, publishDrafts, type UnpublishedRow } from './import-publish.ts';
import { type RefusedRow, type RuleRow, refusedRow, ruleOf } from './import-rules.ts';
import type { ImportOptions } from './import-schema.ts';

export interface RowWarning extends Warning {
  readonly line: number;
  readonly id: string;
}

export interface ImportReport {
  readonly rows: number;
  readonly created: number;
  /** A template of this name and rule was there, or earlier in the file. */
  readonly alreadyThere: number;
  readonly refusedCount: number;
  /** The first ones, by line. */
  readonly refused: readonly RefusedRow[];
  readonly warningCount: number;
  readonly warnings: readonly RowWarning[];
  readonly published: number;
  readonly unpublishedCount: number;
  /** The first ones, by line; their templates are drafts. */
  readonly unpublished: readonly UnpublishedRow[];
  readonly dryRun: boolean;
}

export class ImportRun {
  readonly #catalog: Catalog;
  readonly #dryRun: boolean;
  readonly #publish: boolean;
  #rows = 0;
  #created = 0;
  #alreadyThere = 0;
  #refusedCount = 0;
  #warningCount = 0;
  #published = 0;
  #unpublishedCount = 0;
  readonly #refused: RefusedRow[] = [];
  readonly #warnings: RowWarning[] = [];
  readonly #unpublished: UnpublishedRow[] = [];
  #batch: RuleRow[] = [];
  /** To be published. */
  #drafts: DraftRow[] = [];
  /** By name (key) what will be there: the batch, or in a dry run all that would have been created. */
  readonly #coming = new Map<string, { readonly line: number; readonly rule: string }>();

  constructor(catalog: Catalog, { dryRun, publish }: Pick<ImportOptions, 'dryRun' | 'publish'>) {
    this.#catalog = catalog;
    this.#dryRun = dryRun;
    this.#publish = publish && !dryRun;
  }

  get isBatchFull(): boolean {
    return this.#batch.length + this.#drafts.length >= IMPORT_BATCH_TEMPLATES;
  }

  take(row: RuleRow | RefusedRow): void {
    this.#rows++;
    if ('code' in row) return this.#refuse(row);
    const key = nameKey(row.fields.name);
    const there = this.#catalog.templateNamed(key);
    if (there !== undefined) return this.#meetTemplate(row, there);
    const coming = this.#coming.get(key);
    if (coming !== undefined) return this.#meet(row, coming.rule, `line ${coming.line}`);
    this.#coming.set(key, { line: row.line, rule: row.rule });
    if (this.#dryRun) this.#count(row);
    else this.#batch.push(row);
  }

  /** Stores what has been taken, and publishes it where that is wanted. */
  async save(): Promise<Result<void>> {
    await this.#create();
    const drafts = this.#drafts;
    if (drafts.length === 0) return ok(undefined);
    this.#drafts = [];
    const done = await publishDrafts(this.#catalog, drafts);
    if (!done.ok) return done;
    const { published, unpublished } = done.value;
    this.#published += published;
    this.#unpublishedCount += unpublished.length;
    this.#unpublished.push(...unpublished.slice(0, IMPORT_ROWS_TOLD_MAX - this.#unpublished.length));
    return ok(undefined);
  }

  async #create(): Promise<void> {
    const catalog = this.#catalog;
    const room = Math.max(0, TEMPLATE_ID_MAX - catalog.lastTemplateId);
    for (const { line, id } of this.#batch.splice(room))
      this.#refuse(refusedRow(line, id, 'invalid_state', 'All template ids have been given out.'));
    const rows = this.#batch;
    if (rows.length === 0) return;
    this.#batch = [];
    this.#coming.clear();
    const drafts = rows.map(({ fields }): Template => {
      const createdAtMs = catalog.now();
      return { ...fields, id: 0, status: 'draft', createdAtMs, publishedAtMs: null, version: 1 };
    });
    const ids = await catalog.store.addTemplates(drafts);
    const rivals: RuleRow[] = [];
    for (const [i, id] of ids.entries()) {
      if (id === null) rivals.push(rows[i]!);
      else {
        const template = { ...drafts[i]!, id };
        catalog.keepTemplate(template);
        this.#count(rows[i]!);
        this.#wantPublished(rows[i]!, template);
      }
    }
    if (rivals.length < rows.length) catalog.onSaved?.();
    await this.#meetRivals(rivals);
  }

  /** Somebody else has taken these names since they were looked at. */
  async #meetRivals(rows: readonly RuleRow[]): Promise<void> {
    const catalog = this.#catalog;
    if (rows.some(({ fields }) => catalog.templateNamed(fields.name) === undefined)) await catalog.takeIn();
    for (const row of rows) {
      const there = catalog.templateNamed(row.fields.name);
      if (there !== undefined) this.#meetTemplate(row, there);
      else {
        const detail = `name: "${row.fields.name}" was taken a moment ago and is free again; import it again`;
        this.#refuse(refusedRow(row.line, row.id, 'name_taken', detail));
      }
    }
  }

  #meetTemplate(row: RuleRow, there: Template): void {
    const rule = ruleOf(there);
    this.#meet(row, rule, `template ${there.id}`);
    if (rule === row.rule) this.#wantPublished(row, there);
  }

  /** One that was disabled since stays so. */
  #wantPublished({ line, id }: RuleRow, { id: templateId, status }: Template): void {
    if (this.#publish && status === 'draft') this.#drafts.push({ line, id, templateId });
  }

  #meet({ line, id, fields, rule }: RuleRow, ruleThere: string, where: string): void {
    if (rule === ruleThere) {
      this.#alreadyThere++;
      return;
    }
    const detail = `name: is "${fields.name}", the name of ${where}, which has another rule`;
    this.#refuse(refusedRow(line, id, 'name_taken', detail));
  }

  #count({ line, id, fields }: RuleRow): void {
    this.#created++;
    for (const warning of discountWarnings(fields.discount)) {
      if (this.#warningCount++ < IMPORT_ROWS_TOLD_MAX) this.#warnings.push({ line, id, ...warning });
    }
  }

  #refuse(row: RefusedRow): void {
    if (this.#refusedCount++ < IMPORT_ROWS_TOLD_MAX) this.#refused.push(row);
  }

  report(): ImportReport {
    return {
      rows: this.#rows,
      created: this.#created,
      alreadyThere: this.#alreadyThere,
      refusedCount: this.#refusedCount,
      refused: this.#refused.sort((a, b) => a.line - b.line),
      warningCount: this.#warningCount,
      warnings: this.#warnings,
      published: this.#published,
      unpublishedCount: this.#unpublishedCount,
      unpublished: this.#unpublished.sort((a, b) => a.line - b.line),
      dryRun: this.#dryRun,
    };
  }
}
