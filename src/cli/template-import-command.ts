/** `doorbuster template import`: drafts, or templates on sale, of the rules in a CSV file. */
import type { Command } from 'commander';
import { PER_USER_LIMIT_MAX, STOCK_MAX } from '../limits.ts';
import { CommandFailed } from './failure.ts';
import type { ImportManner, ImportResult } from './import/import-rules.ts';
import { currencyCode, integer } from './option-values.ts';
import { count, say, sayJson, table } from './output.ts';
import { type ServerFlags, serverTarget, withServerOptions } from './server-target.ts';

interface Flags extends ServerFlags {
  readonly currency?: string;
  readonly stock?: number;
  readonly limit?: number;
  readonly days?: number;
  readonly productLine?: number;
  readonly namePrefix?: string;
  readonly ignore?: string;
  readonly dryRun?: boolean;
  readonly publish?: boolean;
  readonly json?: boolean;
}

/** Of a validity in days. */
const DAYS_MAX = 3650;
/** Rows told on stderr; --json tells more. */
const ROWS_SAID_MAX = 100;

const HELP = `
The first row of FILE names its columns: id (or coupon_id) and rule (or discount_rate), and if wanted
name, intro, currency, stock, perUserLimit, productLine, daysAfterClaim; a cell that is empty takes
what all rows share. A rule is "150:20" (spend 150.00, 20.00 off; the amounts have as many decimals
as the currency) or "0.95" (pay 95 %). Each becomes a draft, named by its name or else its id.
With --publish each is put on sale, too, also one that is there already and still a draft; those that
cannot be are reported by line and stay drafts.
Rows that cannot be read are reported by line and left out; they are no failure. What is there
already, by name and rule, is not made again: an import that was cut can be repeated.
Exit 1: not a single row could be imported, or published, or the server failed.`;

export function addTemplateImportCommand(template: Command): void {
  withServerOptions(
    template
      .command('import')
      .description('Make drafts of the rules in a CSV file.')
      .argument('<file>', 'CSV file of rules')
      .option('--currency <code>', 'of the amounts, unless a column says it', currencyCode)
      .option('--stock <units>', 'of each template, default 0', integer(0, STOCK_MAX))
      .option('--limit <coupons>', 'per user, default 1', integer(1, PER_USER_LIMIT_MAX))
      .option('--days <days>', 'a coupon is valid after its claim, default 365', integer(1, DAYS_MAX))
      .option('--product-line <number>', '0 to 99, default 1', integer(0, 99))
      .option('--name-prefix <text>', 'before each name, as in "coupon-"')
      .option('--ignore <columns>', 'columns to leave out, separated by commas')
      .option('--publish', 'put what is made on sale')
      .option('--dry-run', 'tell what would be made and make nothing')
      .option('--json', 'print the figures as JSON')
      .addHelpText('after', HELP),
  ).action(run);
}

async function run(file: string, flags: Flags): Promise<void> {
  const target = serverTarget(flags);
  const { importRules } = await import('./import/import-rules.ts');
  const manner: ImportManner = { dryRun: flags.dryRun ?? false, publish: flags.publish ?? false };
  const result = await importRules(file, target, queryOf(flags), manner);
  tellRows(result);
  const trouble = troubleOf(result);
  if (flags.json) sayJson(resultJson(result, manner, trouble));
  else if (result.rows > 0) sayResult(result, manner);
  if (trouble !== null) throw new CommandFailed(trouble);
}

function queryOf(flags: Flags): Record<string, string> {
  const { currency, stock, limit, days, productLine, namePrefix, ignore } = flags;
  const values = {
    currency,
    stock,
    perUserLimit: limit,
    daysAfterClaim: days,
    productLine,
    namePrefix,
    ignore,
  };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}

function troubleOf(result: ImportResult): string | null {
  const { rows, created, alreadyThere, published, unpublishedCount, failure } = result;
  if (failure !== null) {
    const next = 'repeat the command: what is there is not made again';
    return rows === 0
      ? failure.message
      : `${failure.message}\n  ${count(rows)} rows were answered before; ${next}`;
  }
  if (created + alreadyThere === 0) return 'not a single row could be imported';
  return published === 0 && unpublishedCount > 0 ? 'not a single template could be published' : null;
}

function tellRows(result: ImportResult): void {
  const { refused, refusedCount, warnings, warningCount, unpublished, unpublishedCount } = result;
  const tell = (text: string): void => void process.stderr.write(`${text}\n`);
  const rest = (all: number, shown: number, what: string): void => {
    if (all > shown) tell(`… and ${count(all - shown)} more ${what}`);
  };
  const left = refused.slice(0, ROWS_SAID_MAX);
  for (const { line, id, detail } of left)
    tell(`line ${line}${id === null ? '' : ` (${id})`} left out: ${detail}`);
  rest(refusedCount, left.length, 'lines left out');
  const drafts = unpublished.slice(0, ROWS_SAID_MAX);
  for (const { line, id, templateId, detail } of drafts)
    tell(`line ${line} (${id}) not published: template ${templateId} stays a draft: ${detail}`);
  rest(unpublishedCount, drafts.length, 'not published');
  const warned = warnings.slice(0, ROWS_SAID_MAX);
  for (const { line, id, field, problem } of warned)
    tell(`warning: line ${line} (${id}): ${field} ${problem}`);
  rest(warningCount, warned.length, 'warnings');
}

function resultJson(result: ImportResult, { dryRun }: ImportManner, error: string | null): unknown {
  const { failure: _, seconds, ...figures } = result;
  return { ok: error === null, ...figures, dryRun, error, seconds: Math.round(seconds * 1000) / 1000 };
}

function sayResult(result: ImportResult, { dryRun, publish }: ImportManner): void {
  const { rows, created, alreadyThere, refusedCount, published, unpublishedCount, seconds } = result;
  const perSecond = seconds > 0 ? Math.round(rows / seconds) : 0;
  const lines = [
    [dryRun ? 'would be created' : 'created', count(created), 'drafts'],
    ['already there', count(alreadyThere), ''],
    ['left out', count(refusedCount), ''],
    ...(publish && !dryRun
      ? [
          ['published', count(published), ''],
          ['not published', count(unpublishedCount), ''],
        ]
      : []),
    ['seconds', seconds.toFixed(1), `${count(perSecond)} rows a second`],
  ];
  for (const line of table(lines, [1])) say(line);
}
