/**
 * What is done in one transaction, as a generator: it yields statements and is given their answers. One text for SQLite
 * and MySQL; how a statement is carried out, at once or over a connection, is the driver's.
 */
export type Value = string | number | null;
export type Cell = string | number | Uint8Array | null;

export interface Statement {
  /** Rows as arrays in the order of the columns; the first of them or null; or what was written. */
  readonly kind: 'rows' | 'row' | 'run';
  readonly sql: string;
  readonly values: readonly Value[];
}

export interface Written {
  /** Rows that matched, also when nothing in them changed. */
  readonly matched: number;
  readonly insertId: number;
}

export type Steps<T> = Generator<Statement, T, unknown>;

export function* rows(sql: string, values: readonly Value[] = []): Steps<Cell[][]> {
  return (yield { kind: 'rows', sql, values }) as Cell[][];
}

export function* row(sql: string, values: readonly Value[] = []): Steps<Cell[] | null> {
  return (yield { kind: 'row', sql, values }) as Cell[] | null;
}

export function* run(sql: string, values: readonly Value[] = []): Steps<Written> {
  return (yield { kind: 'run', sql, values }) as Written;
}

/** In what the databases differ. */
export interface Dialect {
  /** Milliseconds since the epoch, by the database's clock. */
  readonly nowMs: string;
  /** Behind a SELECT whose rows must not change until the transaction ends. */
  readonly forUpdate: string;
  /** A column or expression of `templates` that is another one after each change. */
  readonly templateVersion: string;
  /** Makes saves of templates and activities wait until the transaction ends; null where all transactions are one by one. */
  readonly catalogLock: string | null;
}

/** `?, ?, ?` */
export function places(count: number): string {
  return listOf('?', count);
}

/** The same so many times, with commas between. */
export function listOf(one: string, count: number): string {
  return count === 1 ? one : new Array<string>(count).fill(one).join(', ');
}

/** Rows one statement is about: a driver keeps what it has made of each text, and large ones are large there, too. */
const ROWS_MAX = 200;

/** All of them, for a statement each. */
export function* slicesOf<T>(all: readonly T[]): Generator<readonly T[]> {
  if (all.length <= ROWS_MAX) yield all;
  else for (let from = 0; from < all.length; from += ROWS_MAX) yield all.slice(from, from + ROWS_MAX);
}

/** Counts whose texts are kept; statements about more are rare and take longer than their texts. */
const TEXTS_MAX = 64;

/** The text of a statement about so many: one string for each count, since drivers look for what they keep by it. */
export function byCount(textOf: (count: number) => string): (count: number) => string {
  const texts: string[] = [];
  return (count) => {
    if (count > TEXTS_MAX) return textOf(count);
    texts[count] ??= textOf(count);
    return texts[count];
  };
}

export function* clock({ nowMs }: Dialect): Steps<number> {
  return Number((yield* row(`SELECT ${nowMs}`))![0]);
}
