/** No claim is stored whose code is not the one its unit must have: storing it would make damage look like truth. */
import { CodeCheck } from '../claimlog/code-check.ts';
import { CodeBook } from '../domain/codes.ts';
import type { CodeExtent } from '../domain/template.ts';

export class CodeGuard {
  private readonly book: CodeBook;
  private readonly loadExtents: () => Promise<CodeExtent[]>;
  private check: CodeCheck;

  constructor(codeKey: Uint8Array, loadExtents: () => Promise<CodeExtent[]>) {
    this.book = new CodeBook(codeKey);
    this.loadExtents = loadExtents;
    this.check = new CodeCheck(this.book, []);
  }

  add(extent: CodeExtent): void {
    this.check.add(extent);
  }

  /** What is wrong with `entries`, or null. Extents that other nodes reserved are looked up once more before. */
  async wrong(entries: Uint8Array): Promise<string | null> {
    if (this.check.wrongCodes(entries).length === 0) return null;
    this.check = new CodeCheck(this.book, await this.loadExtents());
    const [wrong] = this.check.wrongCodes(entries);
    return wrong === undefined
      ? null
      : `template ${wrong.templateId} serial ${wrong.serial}: ${wrong.detail}`;
  }
}
