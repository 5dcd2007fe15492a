/**
 * CSV as exports have it (RFC 4180): quotes where needed, doubled inside, lines ended by LF or CRLF. One thing of the
 * RFC is left out on purpose: a line break inside quotes. Receipts have none, and with it a single lost quote would
 * swallow the rest of the file instead of one row.
 */
import { createReadStream } from 'node:fs';

export interface CsvLine {
  /** As an editor counts: the header is row 1. */
  readonly row: number;
  /** Null when the quotes of the line do not match. */
  readonly fields: readonly string[] | null;
}

/** The lines of a file in runs, one for each chunk read; empty lines are counted and left out. */
export async function* readCsv(
  file: string,
  onBytes: (bytesRead: number) => void = () => {},
): AsyncGenerator<CsvLine[]> {
  const stream = createReadStream(file, { encoding: 'utf8', highWaterMark: 256 * 1024 });
  let row = 0;
  let rest = '';
  const linesOf = (texts: readonly string[]): CsvLine[] => {
    const lines: CsvLine[] = [];
    for (const text of texts) {
      row++;
      const bare = text.endsWith('\r') ? text.slice(0, -1) : text;
      if (bare.trim() !== '') lines.push({ row, fields: splitLine(bare) });
    }
    return lines;
  };
  for await (const chunk of stream) {
    const texts = (rest + chunk).split('\n');
    rest = texts.pop()!;
    if (row === 0 && texts.length > 0) texts[0] = texts[0]!.replace(/^\ufeff/, '');
    yield linesOf(texts);
    onBytes(stream.bytesRead);
  }
  if (rest !== '') yield linesOf([row === 0 ? rest.replace(/^\ufeff/, '') : rest]);
}

/** The fields of one line, trimmed outside of quotes; null when a quote is not closed, or text follows a closed one. */
export function splitLine(line: string): string[] | null {
  if (!line.includes('"')) return line.split(',').map((field) => field.trim());
  const fields: string[] = [];
  // A field is quoted, with doubled quotes inside, or has none; then comes a comma or the end.
  const field = /\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(,|$)/y;
  for (;;) {
    const match = field.exec(line);
    if (match === null) return null;
    fields.push(match[1] === undefined ? match[2]!.trim() : match[1].replaceAll('""', '"'));
    if (match[3] === '') return fields;
  }
}
