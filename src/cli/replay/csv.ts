/** CSV files, line by line: lines end with LF or CRLF (domain/csv-line.ts: no line break is inside of quotes). */
import { createReadStream } from 'node:fs';
import { splitLine } from '../../domain/csv-line.ts';

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
