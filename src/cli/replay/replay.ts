/** A replay from file to figures: plan and make templates when asked to, then claim every receipt. */
import { statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { currencyDecimals } from '../../domain/currency.ts';
import { CommandFailed, messageOf } from '../failure.ts';
import { count } from '../output.ts';
import { Progress } from '../progress.ts';
import type { ServerTarget } from '../server-target.ts';
import { batchesOf, claimReceipts, paced } from './claim-receipts.ts';
import { isPlanned, planCoupons } from './coupon-plans.ts';
import { findTemplates, type MadeTemplates, makeTemplates, templatesKnown } from './coupon-templates.ts';
import { type Receipt, readReceipts, type SkippedRow } from './receipts.ts';
import { shareOf } from './share.ts';
import { SpreadBatches } from './spread-batches.ts';
import { Tally } from './tally.ts';

export interface ReplayOptions {
  /** Batches in flight. */
  readonly concurrency: number;
  /** Receipts a second; null for as fast as the server answers. */
  readonly rate: number | null;
  readonly createTemplates: boolean;
  /** ISO 4217, of the templates made; the amounts of the file are in it. */
  readonly currency: string;
  readonly stockShareMillionths: number;
}

export interface ReplayResult {
  readonly templates: MadeTemplates | null;
  readonly skippedCount: number;
  /** The first ones. */
  readonly skipped: readonly SkippedRow[];
  readonly tally: Tally;
  /** From the first claim sent to the last answer. */
  readonly seconds: number;
  /** Why it ended early; the figures are those up to then. */
  readonly failure: CommandFailed | null;
}

const SKIPPED_TOLD_MAX = 1000;

export async function replay(
  file: string,
  targets: readonly [ServerTarget, ...ServerTarget[]],
  options: ReplayOptions,
): Promise<ReplayResult> {
  const [target] = targets;
  const bytes = sizeOf(file);
  const skipped: SkippedRow[] = [];
  let skippedCount = 0;
  const onSkipped = (row: SkippedRow): void => {
    if (skippedCount++ < SKIPPED_TOLD_MAX) skipped.push(row);
  };
  const tally = new Tally();
  let templates: MadeTemplates | null = null;
  let templateOf: (receipt: Receipt) => string | null;
  if (options.createTemplates) {
    const runs = readReceipts(file, { needsDiscount: true, onSkipped });
    const { currency } = options;
    const decimals = currencyDecimals(currency);
    const plans = await planCoupons(runs, onSkipped, decimals);
    const stockOf = (users: number): number => shareOf(users, options.stockShareMillionths);
    const made = await showing('templates', (progress) =>
      makeTemplates(target, plans, currency, stockOf, (done) =>
        progress.update(done / plans.size, () => `${count(done)} of ${count(plans.size)}`),
      ),
    );
    for (const other of targets.slice(1)) await templatesKnown(other, made.ids);
    templates = made;
    templateOf = (receipt) => (isPlanned(plans, receipt, decimals) ? made.ids.get(receipt.couponId)! : null);
  } else {
    const there = await findTemplates(target);
    templateOf = ({ row, couponId }) => {
      const template = there.get(couponId);
      if (template === undefined) tally.fault(`row ${row}: there is no template coupon-${couponId}`);
      return template?.id ?? null;
    };
  }

  let share = 0;
  const runs = readReceipts(file, {
    needsDiscount: options.createTemplates,
    // The first pass, if there was one, has told them.
    onSkipped: options.createTemplates ? () => {} : onSkipped,
    onBytes: (read) => {
      share = bytes === 0 ? 1 : Math.min(1, read / bytes);
    },
  });
  const claimer = await SpreadBatches.open(targets);
  const startMs = performance.now();
  const seconds = (): number => (performance.now() - startMs) / 1000;
  const batches = batchesOf(runs, templateOf);
  const failure = await showing('claims', async (progress) => {
    try {
      await claimReceipts(
        options.rate === null ? batches : paced(batches, options.rate, () => performance.now(), pause),
        claimer,
        tally,
        {
          concurrency: options.concurrency,
          pause,
          onAnswered: () =>
            progress.update(
              share,
              () =>
                `${count(tally.answered)} answered, ${count(Math.round(tally.answered / seconds()))} a second`,
            ),
        },
      );
      return null;
    } catch (error) {
      if (error instanceof CommandFailed) return error;
      throw error;
    } finally {
      claimer.close();
    }
  });
  return { templates, skippedCount, skipped, tally, seconds: seconds(), failure };
}

async function showing<T>(label: string, work: (progress: Progress) => Promise<T>): Promise<T> {
  const progress = new Progress(label);
  try {
    return await work(progress);
  } finally {
    progress.end();
  }
}

function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch (error) {
    throw new CommandFailed(`cannot read ${file}: ${messageOf(error)}`);
  }
}
