/**
 * What an order comes to, over HTTP: the best of a user's five coupons, and the same five by their ids, against the bare
 * handler. Closed loop for the cost, then open loop at half of what the slower of the two carries for the latencies.
 */
import { comparisonRow, medianOf, withLatency } from '../comparison.ts';
import { interleave } from '../contender.ts';
import type { Sending } from '../contenders/http.ts';
import { askedOf, bareQuotes, quotes as quotesOf } from '../contenders/quotes.ts';
import { OrderWallets } from '../order-wallets.ts';
import type { Row } from '../report.ts';
import type { Bench, Scenario } from './scenario.ts';
import { auditedRows, withServers } from './with-servers.ts';

const CONNECTIONS = 64;
/** A wallet stays in memory for some seconds: of so few, reading them again costs nothing that shows. */
const USERS = 128;

async function run(bench: Bench): Promise<Row[]> {
  const audited = await withServers(bench, ['os'], async ([server]) => {
    const { effort, profile, say } = bench;
    const title = profile === 'embedded' ? 'quotes' : `${profile}-quotes`;
    const wallets = await OrderWallets.fill(bench, server!, bench.freshUsers(USERS));
    const best = await askedOf(server!, wallets, wallets.bestBodies());
    const named = await askedOf(server!, wallets, wallets.namedBodies());
    const contenders = (sending: Sending) => [
      bareQuotes(bench, wallets, best, sending),
      quotesOf(bench, server!, `${title}-best-${CONNECTIONS}`, wallets, best, sending),
      quotesOf(bench, server!, `${title}-named-${CONNECTIONS}`, wallets, named, sending),
    ];
    say(`${title}, ${CONNECTIONS} connections, closed loop`);
    const sending = { connections: CONNECTIONS, seconds: effort.runSeconds, rate: null };
    const closed = await interleave(contenders(sending), effort.pairs, say);
    const rate = Math.round(Math.min(...closed.slice(1).map((one) => medianOf(one, ({ rps }) => rps))) / 2);
    say(`${title}, ${CONNECTIONS} connections, open loop at ${rate}/s`);
    const open = await interleave(
      contenders({ ...sending, seconds: effort.openSeconds, rate }),
      effort.openPairs,
      say,
    );
    return closed.map((series, i) => {
      const row = withLatency(comparisonRow(series, closed[0]!, i > 0), open[i]!, open[0]!, rate);
      const name = i === 0 ? `${title}-${row.name}` : row.name;
      const perCpuSecond = 1e6 / row.cpuUsPerRequest!;
      return { ...row, name, more: { perCpuSecond, coupons: wallets.couponsEach, ...row.more } };
    });
  });
  return auditedRows(audited);
}

export const quotes: Scenario = {
  name: 'quotes',
  about: 'quotes over HTTP of 5 coupons, "best" and named, 64 connections',
  run,
};
