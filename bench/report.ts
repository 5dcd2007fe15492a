/** What the bench hands out: an array of rows as JSON, and the same as one table for people. */
import { writeFileSync } from 'node:fs';

/** `null`: not measured in this scenario. Ratios are medians over interleaved pairs with the bare handler. */
export interface Row {
  readonly name: string;
  readonly rps: number | null;
  /** Open loop at half of saturation, from the intended send time, unless the row says otherwise. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** CPU of ingress and owner threads. */
  readonly cpuUsPerRequest: number | null;
  /** CPU of Redis meanwhile. */
  readonly redisUsPerRequest: number | null;
  /** CPU of whole processes, databases included, until every claim is stored. */
  readonly allInUsPerRequest: number | null;
  readonly ratioRps: number | null;
  /** The bare handler's CPU per request over this one's: 1 would be free of charge. Or that of the row's `against`. */
  readonly ratioCpu: number | null;
  readonly serverBusy: number | null;
  readonly verified: boolean | null;
  /** Figures only this row has. */
  readonly more?: Readonly<Record<string, number | string | readonly string[]>>;
}

export const NO_FIGURES = {
  rps: null,
  p50Ms: null,
  p99Ms: null,
  cpuUsPerRequest: null,
  redisUsPerRequest: null,
  allInUsPerRequest: null,
  ratioRps: null,
  ratioCpu: null,
  serverBusy: null,
  verified: null,
} as const;

/** Member, head, digits. */
const COLUMNS = [
  ['rps', 'rps', 0],
  ['p50Ms', 'p50Ms', 3],
  ['p99Ms', 'p99Ms', 3],
  ['cpuUsPerRequest', 'cpuUs', 2],
  ['redisUsPerRequest', 'redisUs', 2],
  ['allInUsPerRequest', 'allInUs', 2],
  ['ratioRps', 'ratioRps', 2],
  ['ratioCpu', 'ratioCpu', 2],
  ['serverBusy', 'busy', 2],
] as const;

export function table(rows: readonly Row[]): string {
  const lines = [['name', ...COLUMNS.map(([, head]) => head), 'verified', '']];
  for (const row of rows) {
    const figures = COLUMNS.map(([name, , digits]) => row[name]?.toFixed(digits) ?? '–');
    const verified = row.verified === null ? '–' : row.verified ? 'yes' : 'NO';
    lines.push([row.name, ...figures, verified, moreText(row)]);
  }
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, i) =>
          i === 0 || i > COLUMNS.length + 1 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!),
        )
        .join('  '),
    )
    .map((line) => line.trimEnd())
    .join('\n');
}

function moreText(row: Row): string {
  return Object.entries(row.more ?? {})
    .map(([name, value]) => `${name} ${shown(value)}`)
    .join(' · ');
}

function shown(value: number | string | readonly string[]): string {
  if (typeof value === 'number') return String(rounded(value));
  return typeof value === 'string' ? value : value.join('; ');
}

/** Four significant digits, whole above a thousand: enough for figures that vary by percents. */
export function rounded(value: number): number {
  return Math.abs(value) >= 1000 ? Math.round(value) : Number(value.toPrecision(4));
}

/** The first element tells machine and versions; `more` is spread into each row. */
export function toJson(rows: readonly Row[], machine: Readonly<Record<string, unknown>>): string {
  const flat = rows.map(({ more, ...row }) => ({ ...row, ...more }));
  const figures = (_: string, value: unknown) => (typeof value === 'number' ? rounded(value) : value);
  return `${JSON.stringify([{ ...NO_FIGURES, name: 'machine', ...machine }, ...flat], figures, 2)}\n`;
}

export function writeJson(
  file: string,
  rows: readonly Row[],
  machine: Readonly<Record<string, unknown>>,
): void {
  writeFileSync(file, toJson(rows, machine));
}
