/**
 * The best coupons of a large wallet on one core, each wallet once as a server would: how long, and how many are
 * searched to the end within the budget.
 */

import { best as bestOf } from '../../src/domain/quote/best.ts';
import { quote } from '../../src/domain/quote/quote.ts';
import { NO_FIGURES, type Row } from '../report.ts';
import { seededWallet, WALLET_NOW_MS } from '../seeded-wallet.ts';
import { percentile } from '../stats.ts';
import type { Bench, Scenario } from './scenario.ts';

const COUPONS = 200;
const LINES = 50;
/** 0: by kind, as when nothing is said. */
const GROUPS = [0, 5, 20, 200] as const;
/** For the compiler, with seeds of their own. */
const WARM_UP = 200;

async function run(bench: Bench): Promise<Row[]> {
  return GROUPS.map((groups) => row(groups, bench.effort.wallets));
}

function row(groups: number, wallets: number): Row {
  const size = { coupons: COUPONS, lines: LINES, groups };
  for (let seed = 1; seed <= WARM_UP; seed++) {
    const { order, wallet } = seededWallet(-seed, size);
    bestOf(order, wallet, WALLET_NOW_MS);
  }
  const tookMs: number[] = [];
  let optimal = 0;
  let wrong = 0;
  const cpuBefore = process.cpuUsage();
  for (let seed = 1; seed <= wallets; seed++) {
    const { order, wallet } = seededWallet(seed, size);
    const fromMs = performance.now();
    const found = bestOf(order, wallet, WALLET_NOW_MS);
    tookMs.push(performance.now() - fromMs);
    if (found.optimal) optimal++;
    const chosen = wallet.filter(({ couponId }) => found.couponIds.includes(couponId));
    const again = quote(order, chosen, WALLET_NOW_MS);
    if (again.kind === 'refused' || again.payable !== found.quote.payable) wrong++;
    if (found.lowerBound > found.quote.payable) wrong++;
  }
  const cpu = process.cpuUsage(cpuBefore);
  return {
    ...NO_FIGURES,
    name: groups === 0 ? 'best' : `best-groups-${groups}`,
    p50Ms: percentile(tookMs, 0.5),
    p99Ms: percentile(tookMs, 0.99),
    cpuUsPerRequest: (cpu.user + cpu.system) / wallets,
    verified: wrong === 0,
    more: { wallets, coupons: COUPONS, lines: LINES, optimalPercent: (100 * optimal) / wallets },
  };
}

export const best: Scenario = { name: 'best', about: 'best of 200 coupons for an order of 50 lines', run };
