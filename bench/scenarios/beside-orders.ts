/**
 * A sale while the rest of the shop goes on: claims at a quarter and at half of what the server carries, alone and beside
 * carts that are quoted and orders that are locked and used, in turns. Embedded: in `single` the databases on the same few
 * cores would be what is measured. For the same reason the load is sent by a timer: what polls takes a core.
 */
import { medianOf, ratioOf } from '../comparison.ts';
import { interleave, type Series } from '../contender.ts';
import { sell, wonClaims } from '../contenders/http.ts';
import { OrderCrowd, type OrderRates } from '../contenders/order-crowd.ts';
import { withGoal } from '../goals.ts';
import type { LoadResult } from '../load/jobs.ts';
import type { Measured } from '../measure.ts';
import { OrderWallets } from '../order-wallets.ts';
import { NO_FIGURES, type Row } from '../report.ts';
import { median } from '../stats.ts';
import type { Bench, Scenario } from './scenario.ts';
import { auditedRows, withServers } from './with-servers.ts';

const CONNECTIONS = 512;
const USERS = 128;
const RATES: OrderRates = { quotesPerSecond: 500, redemptionsPerSecond: 100 };
const P99_TO_ALONE = 2;
/** Of saturation. On two cores, load included, half leaves no room for anything beside it. */
const SHARES = { quarter: 4, half: 2 };

async function run(given: Bench): Promise<Row[]> {
  const bench: Bench = { ...given, profile: 'embedded' };
  const { effort, say } = bench;
  const audited = await withServers(bench, ['os'], async ([server]) => {
    const wallets = await OrderWallets.fill(bench, server!, bench.freshUsers(USERS));
    const orders =
      Math.round(RATES.redemptionsPerSecond * effort.openSeconds) *
      effort.openPairs *
      Object.keys(SHARES).length;
    const ordersTemplate = await server!.publishTemplate(orders);
    const coupons = await sell(bench, server!, ordersTemplate, bench.freshUsers(orders));

    say(`beside-orders, ${CONNECTIONS} connections, closed loop`);
    const closedLoop = { connections: CONNECTIONS, seconds: effort.runSeconds, rate: null };
    const closed = await interleave(
      [wonClaims(bench, server!, 'beside-orders-saturation', closedLoop)],
      effort.openPairs,
      say,
    );
    const saturation = medianOf(closed[0]!, ({ rps }) => rps);

    const crowd = new OrderCrowd(server!, wallets, RATES, coupons);
    try {
      const rows: Row[] = [];
      for (const [share, divisor] of Object.entries(SHARES)) {
        const rate = Math.round(saturation / divisor);
        say(`beside-orders, ${CONNECTIONS} connections, open loop at ${rate}/s`);
        const seconds = effort.openSeconds;
        const openLoop = { connections: CONNECTIONS, seconds, rate, isTimed: true };
        const name = `beside-orders-claims-${share}`;
        const alone = wonClaims(bench, server!, `beside-orders-alone-${share}`, openLoop);
        const beside = crowd.beside(wonClaims(bench, server!, name, openLoop), name, seconds);
        const [before, during] = await interleave([alone, beside], effort.openPairs, say);
        rows.push(...rowsOf(closed[0]!, before!, during!, rate, crowd.takeRedemptions()));
      }
      return rows;
    } finally {
      crowd.stop();
    }
  });
  return auditedRows(audited);
}

function p99({ load }: Measured): number {
  return load.latency?.p99Ms ?? Number.NaN;
}

function rowsOf(
  closed: Series,
  alone: Series,
  beside: Series,
  rate: number,
  redemptions: readonly LoadResult[],
): Row[] {
  const row = (series: Series): Row => {
    const wrong = [...closed.wrong, ...series.wrong];
    return {
      ...NO_FIGURES,
      name: series.name,
      rps: medianOf(series, ({ rps }) => rps),
      p50Ms: medianOf(series, ({ load }) => load.latency?.p50Ms ?? Number.NaN),
      p99Ms: medianOf(series, p99),
      serverBusy: medianOf(series, ({ serverBusy }) => serverBusy),
      verified: wrong.length === 0,
      more: { openLoopRate: rate, ...(wrong.length === 0 ? {} : { wrong }) },
    };
  };
  const both = row(beside);
  const ratio = ratioOf(beside, alone, p99);
  const ofOrders = (which: 'p50Ms' | 'p99Ms') =>
    median(redemptions.map(({ latency }) => latency?.[which] ?? Number.NaN));
  const figures = {
    ...RATES,
    aloneP99Ms: medianOf(alone, p99),
    p99RatioToAlone: ratio,
    lockAndUseP50Ms: ofOrders('p50Ms'),
    lockAndUseP99Ms: ofOrders('p99Ms'),
  };
  return [
    row(alone),
    withGoal({ ...both, more: { ...both.more, ...figures } }, 'p99RatioToAlone', ratio, {
      atMost: P99_TO_ALONE,
    }),
  ];
}

export const besideOrders: Scenario = {
  name: 'beside-orders',
  about: 'latencies of won claims at a quarter and half load, alone and beside quotes, locks and uses',
  run,
};
