/**
 * One line of CSV as exports have it (RFC 4180): quotes where needed, doubled inside. One thing of the RFC is left out
 * on purpose: a line break inside quotes. The lists read here have none, and with it a single lost quote would swallow
 * the rest of the file instead of one row.
 */

/**
 * The fields of one line, trimmed outside of quotes; null when a quote is not closed, or text stands beside a quoted
 * one. In one pass: a line may be long, and whoever wrote it may mean harm.
 */
export function splitLine(line: string): string[] | null {
  if (!line.includes('"')) return line.split(',').map((field) => field.trim());
  const fields: string[] = [];
  let quote = line.indexOf('"');
  for (let at = 0; ; ) {
    if (quote >= 0 && quote < at) quote = line.indexOf('"', at);
    const comma = line.indexOf(',', at);
    if (quote < 0 || (comma >= 0 && comma < quote)) {
      fields.push(line.slice(at, comma < 0 ? line.length : comma).trim());
      if (comma < 0) return fields;
      at = comma + 1;
      continue;
    }
    if (line.slice(at, quote).trim() !== '') return null;
    const end = closingQuote(line, quote);
    if (end < 0) return null;
    fields.push(line.slice(quote + 1, end).replaceAll('""', '"'));
    const next = line.indexOf(',', end);
    if (line.slice(end + 1, next < 0 ? line.length : next).trim() !== '') return null;
    if (next < 0) return fields;
    at = next + 1;
  }
}

function closingQuote(line: string, opening: number): number {
  for (let at = opening + 1; ; at += 2) {
    at = line.indexOf('"', at);
    if (at < 0 || line[at + 1] !== '"') return at;
  }
}
