/** Rows that come in pages, read one by one: two tables in the order of one key are held against each other so. */
import type { Pages } from './life-facts.ts';

export class PageCursor<T> {
  /** Under the cursor; null: at the end. Only right after `open`, and while no page is due. */
  head: T | null = null;
  private readonly pages: AsyncIterator<readonly T[]>;
  private page: readonly T[] = [];
  private at = 0;

  constructor(pages: Pages<T>) {
    this.pages = pages[Symbol.asyncIterator]();
  }

  async open(): Promise<this> {
    await this.turn();
    return this;
  }

  /** To the next row. False: its page has to be turned to first. */
  step(): boolean {
    if (++this.at >= this.page.length) return false;
    this.head = this.page[this.at]!;
    return true;
  }

  async turn(): Promise<void> {
    for (;;) {
      const { done, value } = await this.pages.next();
      if (done === true) {
        this.head = null;
        return;
      }
      if (value.length === 0) continue;
      this.page = value;
      this.at = 0;
      this.head = value[0]!;
      return;
    }
  }
}
