/** What commands say on stdout; progress and errors go to stderr and never mix with it. */

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** For machines: one JSON value on one line. */
export function sayJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** 1234567 → "1,234,567", whatever the machine's language is. */
export function count(n: number): string {
  return n.toLocaleString('en-US');
}

/** Columns as wide as their widest cell. Cells of `right` columns (numbers) stand at the right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, i) => (right.includes(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}
