/**
 * Holds the codes of log entries against the codes their ids must have. The flusher does this before a row is stored,
 * the checker afterwards. Runs of consecutive units are computed at once, which is what makes it affordable.
 */
import { type CodeBook, extentOfSerial } from '../domain/codes.ts';
import type { CodeExtent } from '../domain/template.ts';
import { ENTRY_WORDS, entryWords } from './entry.ts';

const RUN_MAX = 4096;

export interface WrongCode {
  readonly templateId: number;
  readonly serial: number;
  readonly detail: string;
}

export class CodeCheck {
  private readonly book: CodeBook;
  private readonly extents = new Map<number, CodeExtent[]>();
  private readonly lo = new Uint32Array(RUN_MAX);
  private readonly hi = new Uint16Array(RUN_MAX);

  constructor(book: CodeBook, extents: Iterable<CodeExtent>) {
    this.book = book;
    for (const extent of extents) this.add(extent);
  }

  add(extent: CodeExtent): void {
    const list = this.extents.get(extent.templateId);
    if (list === undefined) this.extents.set(extent.templateId, [extent]);
    else list.push(extent);
  }

  /** The wrong codes among `entries`, in the order of template and serial. */
  wrongCodes(entries: Uint8Array): WrongCode[] {
    const words = entryWords(entries);
    const order = new Float64Array(words.length / ENTRY_WORDS);
    for (let i = 0; i < order.length; i++) {
      order[i] = words[i * ENTRY_WORDS] * 0x1_0000_0000 + words[i * ENTRY_WORDS + 1];
    }
    const codes = new Map<number, number>();
    for (let i = 0; i < order.length; i++) {
      const at = i * ENTRY_WORDS;
      codes.set(order[i], (words[at + 6] & 0xffff) * 0x1_0000_0000 + words[at + 5]);
    }
    order.sort();
    const wrong: WrongCode[] = [];
    for (let start = 0; start < order.length; ) {
      let end = start + 1;
      while (end < order.length && end - start < RUN_MAX && order[end] === order[end - 1] + 1) end++;
      this.checkRun(order[start], end - start, codes, wrong);
      start = end;
    }
    return wrong;
  }

  private checkRun(
    firstId: number,
    count: number,
    codes: ReadonlyMap<number, number>,
    wrong: WrongCode[],
  ): void {
    const templateId = Math.floor(firstId / 0x1_0000_0000);
    const firstSerial = firstId % 0x1_0000_0000;
    const list = this.extents.get(templateId) ?? [];
    for (let done = 0; done < count; ) {
      const serial = firstSerial + done;
      const extent = extentOfSerial(list, serial);
      if (extent === undefined) {
        wrong.push({ templateId, serial, detail: 'no code extent covers this unit' });
        done++;
        continue;
      }
      const n = Math.min(count - done, extent.firstSerial + extent.length - serial);
      this.book.fill(extent, serial, n, this.lo, this.hi, 0);
      for (let i = 0; i < n; i++) {
        const expected = this.hi[i] * 0x1_0000_0000 + this.lo[i];
        if (codes.get(firstId + done + i) !== expected) {
          wrong.push({
            templateId,
            serial: serial + i,
            detail: 'the code is not the one this unit must have',
          });
        }
      }
      done += n;
    }
  }
}
