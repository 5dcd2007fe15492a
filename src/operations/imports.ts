/** Imports of rules (catalog/template-import.ts), a few at a time: each holds a file in memory. */
import type { Catalog } from '../catalog/catalog.ts';
import type { TemplateChecks } from '../catalog/import-rules.ts';
import type { ImportReport } from '../catalog/import-run.ts';
import type { ImportOptions } from '../catalog/import-schema.ts';
import { importTemplates } from '../catalog/template-import.ts';
import { IMPORTS_MAX } from '../limits.ts';
import { type Result, refused } from '../problems.ts';

export class Imports {
  private readonly catalog: Catalog;
  private readonly checks: TemplateChecks;
  private underWay = 0;

  constructor(catalog: Catalog, checks: TemplateChecks) {
    this.catalog = catalog;
    this.checks = checks;
  }

  /** `overloaded` while IMPORTS_MAX are under way. */
  async run(body: Uint8Array, options: ImportOptions): Promise<Result<ImportReport>> {
    if (this.underWay === IMPORTS_MAX)
      return refused('overloaded', `${IMPORTS_MAX} imports are under way already.`);
    this.underWay++;
    try {
      return await importTemplates(this.catalog, body, options, this.checks);
    } finally {
      this.underWay--;
    }
  }
}
