import { type Command, InvalidArgumentError } from 'commander';
import { CommandFailed, UsageError } from './failure.ts';
import { currencyCode, integer } from './option-values.ts';
import { count, say, sayJson, table } from './output.ts';
import type { ReplayResult } from './replay/replay.ts';
import { shareMillionths } from './replay/share.ts';
import { type ServerFlags, serverTargets, withServerOptions } from './server-target.ts';

interface Flags extends ServerFlags {
  readonly concurrency: number;
  readonly rate?: number;
  readonly createTemplates?: boolean;
  readonly currency?: string;
  readonly stockShare?: number;
  readonly json?: boolean;
}

const CURRENCY_DEFAULT = 'CNY';
const CONCURRENCY_DEFAULT = 64;
const CONCURRENCY_MAX = 1024;
const RATE_MAX = 10_000_000;
const MILLION = 1_000_000;
/** Rows told on stderr; --json tells more. */
const SKIPPED_SAID_MAX = 20;

const HELP = `
The first row of FILE names its columns; User_id and Coupon_id are needed, with --create-templates
Discount_rate too ("150:20": spend 150.00, 20.00 off; "0.95": pay 95 %; the amounts have as many
decimals as the currency). A coupon's template is
"coupon-<Coupon_id>". Rows that cannot be read are reported by row and left out; they are no failure.
--url with several URLs, separated by commas, sends each receipt to one of these nodes, chosen at random.
Exit 1: a repeat got another coupon than the first time, a template is missing, or the server
answered what a sale does not answer.`;

export function addReplayCommand(program: Command): void {
  withServerOptions(
    program
      .command('replay')
      .description('Claim real receipts (CSV) on a running server, in file order.')
      .argument('<file>', 'CSV file of receipts')
      .option(
        '--concurrency <batches>',
        `small batches in flight, 1 to ${CONCURRENCY_MAX}`,
        integer(1, CONCURRENCY_MAX),
        CONCURRENCY_DEFAULT,
      )
      .option(
        '--rate <receipts>',
        'receipts a second, default as fast as they are answered',
        integer(1, RATE_MAX),
      )
      .option(
        '--create-templates',
        'first make the templates that are missing: stock = distinct users, limit 1',
      )
      .option(
        '--currency <code>',
        `with --create-templates: of the amounts, default ${CURRENCY_DEFAULT}`,
        currencyCode,
      )
      .option('--stock-share <share>', 'with --create-templates: stock for this share of the users', share)
      .option('--json', 'print the figures as JSON')
      .addHelpText('after', HELP),
  ).action(run);
}

function share(text: string): number {
  const millionths = shareMillionths(text);
  if (millionths === null) throw new InvalidArgumentError('Allowed: 0 to 1 with at most six decimals.');
  return millionths;
}

async function run(file: string, flags: Flags): Promise<void> {
  if (flags.stockShare !== undefined && !flags.createTemplates)
    throw new UsageError('--stock-share goes with --create-templates');
  if (flags.currency !== undefined && !flags.createTemplates)
    throw new UsageError('--currency goes with --create-templates');
  const targets = serverTargets(flags);
  const { replay } = await import('./replay/replay.ts');
  const result = await replay(file, targets, {
    concurrency: flags.concurrency,
    rate: flags.rate ?? null,
    createTemplates: flags.createTemplates ?? false,
    currency: flags.currency ?? CURRENCY_DEFAULT,
    stockShareMillionths: flags.stockShare ?? MILLION,
  });
  for (const { row, reason } of result.skipped.slice(0, SKIPPED_SAID_MAX))
    process.stderr.write(`row ${row} left out: ${reason}\n`);
  if (result.skippedCount > SKIPPED_SAID_MAX)
    process.stderr.write(`… and ${count(result.skippedCount - SKIPPED_SAID_MAX)} more rows left out\n`);
  if (flags.json) sayJson(resultJson(result));
  else sayResult(result);
  const troubles = troublesOf(result);
  if (troubles.length > 0) throw new CommandFailed(troubles.join('\n  '));
}

function troublesOf({ failure, tally: { faultCount, faults } }: ReplayResult): string[] {
  const lines: string[] = [];
  if (failure !== null) lines.push(failure.message);
  if (faultCount === 0) return lines;
  lines.push(`${count(faultCount)} answers were not as they must be:`, ...faults);
  if (faultCount > faults.length) lines.push(`… and ${count(faultCount - faults.length)} more`);
  return lines;
}

function rateOf({ tally, seconds }: ReplayResult): number {
  return seconds > 0 ? Math.round(tally.answered / seconds) : 0;
}

function resultJson(result: ReplayResult): unknown {
  const { templates, tally, skipped, skippedCount, seconds, failure } = result;
  return {
    ok: failure === null && tally.faultCount === 0,
    templates:
      templates === null
        ? null
        : { made: templates.made, reused: templates.reused, withoutStock: templates.withoutStock },
    answered: tally.answered,
    claimed: tally.claimed,
    alreadyClaimed: tally.alreadyClaimed,
    refused: Object.fromEntries([...tally.refused].sort()),
    skippedCount,
    skipped,
    faultCount: tally.faultCount,
    faults: tally.faults,
    error: failure?.message ?? null,
    seconds: Math.round(seconds * 1000) / 1000,
    perSecond: rateOf(result),
  };
}

function sayResult(result: ReplayResult): void {
  const { templates, tally, skippedCount, seconds } = result;
  const rows: string[][] = [];
  if (templates !== null) {
    const empty = templates.withoutStock === 0 ? '' : `${count(templates.withoutStock)} of them with stock 0`;
    rows.push(['templates made', count(templates.made), empty]);
    rows.push(['templates reused', count(templates.reused), '']);
  }
  rows.push(['claimed', count(tally.claimed), '']);
  rows.push([
    'already claimed',
    count(tally.alreadyClaimed),
    tally.alreadyClaimed === 0 ? '' : repeats(result),
  ]);
  for (const [code, n] of [...tally.refused].sort()) rows.push([`refused: ${code}`, count(n), '']);
  if (skippedCount > 0) rows.push(['rows left out', count(skippedCount), '']);
  rows.push(['seconds', seconds.toFixed(1), `${count(rateOf(result))} receipts a second`]);
  for (const line of table(rows, [1])) say(line);
}

function repeats({ tally }: ReplayResult): string {
  return tally.faultCount === 0 ? 'each with the coupon of the first time' : 'see the errors';
}
