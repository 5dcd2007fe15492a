/**
 * One row of a file of rules as a template, or why not. The template is checked as the body of a create is, so that a
 * file can make nothing else. An empty cell is as good as no such column.
 */
import { currencyDecimals } from '../domain/currency.ts';
import { NOTATION, readDiscount } from '../domain/discount-notation.ts';
import type { ProblemCode, Result } from '../problems.ts';
import { canonicalJson } from './fingerprint.ts';
import type { Column, Columns } from './import-columns.ts';
import type { ImportOptions } from './import-schema.ts';
import type { TemplateFields } from './template-schema.ts';

/** As bodies of POST /v1/templates are checked. */
export interface TemplateChecks {
  readonly body: (body: unknown) => Result<TemplateFields>;
  /** Of `{name}`, a part of it. → as the name is stored. */
  readonly name: (part: unknown) => Result<{ name: string }>;
}

export interface RefusedRow {
  /** As an editor counts. */
  readonly line: number;
  /** Null where the row has none that can be read. */
  readonly id: string | null;
  readonly code: ProblemCode;
  readonly detail: string;
}

export interface RuleRow {
  readonly line: number;
  readonly id: string;
  readonly fields: TemplateFields;
  /** `ruleOf` them. */
  readonly rule: string;
}

/** All that a row says but the name. */
interface Said {
  readonly fields: TemplateFields;
  readonly rule: string;
}

const KNOWN_MAX = 1000;
const SHOWN_CHARS_MAX = 60;
const DIGITS = /^\d{1,15}$/;

export class RuleReader {
  readonly #columns: Columns;
  readonly #options: ImportOptions;
  readonly #checks: TemplateChecks;
  /** By all that a row says beside id and name, what came of it: thousands of rows differ in nothing else. */
  readonly #known = new Map<string, Said | string>();
  /** Of the columns that say it. */
  readonly #saying: readonly number[];

  constructor(columns: Columns, options: ImportOptions, checks: TemplateChecks) {
    this.#columns = columns;
    this.#options = options;
    this.#checks = checks;
    this.#saying = [...columns.at].flatMap(([column, { index }]) =>
      column === 'id' || column === 'name' ? [] : [index],
    );
  }

  /** `cells` of the row in this line. */
  read(line: number, cells: readonly string[]): RuleRow | RefusedRow {
    const { count } = this.#columns;
    const id = this.#cell(cells, 'id') || null;
    if (cells.length !== count) {
      const detail = `row: has ${cells.length} fields (allowed: ${count}, as the first row has)`;
      return refusedRow(line, id, 'invalid_request', detail);
    }
    if (id === null) {
      const detail = this.#wrong('id', 'is empty', "the operator's own id of the rule");
      return refusedRow(line, id, 'invalid_request', detail);
    }
    const said = this.#saidBy(cells);
    if (typeof said === 'string') return refusedRow(line, id, 'invalid_request', said);
    const named = this.#checks.name({ name: this.#options.namePrefix + (this.#cell(cells, 'name') || id) });
    if (!named.ok) return refusedRow(line, id, named.problem.code, named.problem.detail);
    return { line, id, fields: { ...said.fields, name: named.value.name }, rule: said.rule };
  }

  /** Or why it is no template. */
  #saidBy(cells: readonly string[]): Said | string {
    // No cell has a line break.
    const key = this.#saying.map((index) => cells[index]).join('\n');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const checked = this.#checked(cells);
    const said = typeof checked === 'string' ? checked : { fields: checked, rule: ruleOf(checked) };
    if (this.#known.size === KNOWN_MAX) this.#known.clear();
    this.#known.set(key, said);
    return said;
  }

  #checked(cells: readonly string[]): TemplateFields | string {
    const currency = this.#cell(cells, 'currency') || this.#options.currency;
    const rule = this.#cell(cells, 'rule');
    const discount = readDiscount(rule, currencyDecimals(currency ?? ''));
    if (discount.kind === 'unreadable')
      return this.#wrong('rule', `is ${shown(rule)}, which ${discount.problem}`, NOTATION);
    const intro = this.#cell(cells, 'intro');
    const checked = this.#checks.body({
      ...body(this.#options, currency),
      discount,
      ...(intro === '' ? {} : { intro }),
      ...this.#number(cells, 'stock'),
      ...this.#number(cells, 'perUserLimit'),
      ...this.#number(cells, 'productLine'),
      ...this.#days(cells),
    });
    return checked.ok ? checked.value : checked.problem.detail;
  }

  #cell(cells: readonly string[], column: Column): string {
    const at = this.#columns.at.get(column);
    return at === undefined ? '' : (cells[at.index] ?? '').trim();
  }

  #number(cells: readonly string[], column: Column): Record<string, unknown> {
    const text = this.#cell(cells, column);
    return text === '' ? {} : { [column]: number(text) };
  }

  #days(cells: readonly string[]): Record<string, unknown> {
    const text = this.#cell(cells, 'daysAfterClaim');
    return text === '' ? {} : { validity: { daysAfterClaim: number(text) } };
  }

  #wrong(column: Column, problem: string, allowed: string): string {
    return `${this.#columns.at.get(column)!.title}: ${problem} (allowed: ${allowed})`;
  }
}

/** What makes two templates of one name the same: stock, limit and the like may have been changed since. */
export function ruleOf({ discount, currency }: Pick<TemplateFields, 'discount' | 'currency'>): string {
  return canonicalJson({ discount, currency });
}

export function refusedRow(line: number, id: string | null, code: ProblemCode, detail: string): RefusedRow {
  return { line, id: id === null ? null : clipped(id), code, detail };
}

/** Whether what all rows share is possible at all, before any row is looked at. */
export function checkShared(options: ImportOptions, checks: TemplateChecks): Result<unknown> {
  const discount = { kind: 'percent', rate: 1 };
  const shared = checks.body({ ...body(options, options.currency ?? 'CNY'), discount });
  return shared.ok ? checks.name({ name: `${options.namePrefix}a` }) : shared;
}

/** Without the discount; the name is only a place for one. */
function body(options: ImportOptions, currency: string | undefined): Record<string, unknown> {
  const { stock, perUserLimit, productLine, daysAfterClaim } = options;
  return {
    name: 'a',
    productLine,
    currency,
    scope: { all: true },
    validity: { daysAfterClaim },
    stock,
    perUserLimit,
    distribution: 'claim',
  };
}

/** What is none stays a text, which the check then shows. */
function number(text: string): number | string {
  return DIGITS.test(text) ? Number(text) : text;
}

function clipped(text: string): string {
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
}

function shown(text: string): string {
  return JSON.stringify(clipped(text));
}
