/**
 * The shape all HTTP scenarios share: servers with LOG_SYNC os and always take turns with the bare handler in closed
 * loop at one or more numbers of connections; then all of them in open loop at half of what the os server carried.
 */
import { comparisonRow, medianOf, rpsRatio, withLatency } from '../comparison.ts';
import { type Contender, interleave, type Series } from '../contender.ts';
import { bareHandler, type Sending } from '../contenders/http.ts';
import { measureFdatasync } from '../disk.ts';
import type { LogSync, Server } from '../processes/server.ts';
import type { Row } from '../report.ts';
import type { Bench } from './scenario.ts';
import { withServers } from './with-servers.ts';

export interface HttpComparison {
  readonly name: string;
  readonly syncs: readonly LogSync[];
  readonly connections: readonly number[];
  contender(bench: Bench, server: Server, name: string, sending: Sending): Contender | Promise<Contender>;
}

export async function compareHttp(bench: Bench, comparison: HttpComparison): Promise<Row[]> {
  const audited = await withServers(comparison.syncs, async (servers, dataDirs) => {
    const rows: Row[] = [];
    if (comparison.syncs.includes('always')) {
      rows.push(measureFdatasync(dataDirs[0]!.path, bench.effort.syncs));
    }
    for (const connections of comparison.connections) {
      rows.push(...(await atConnections(bench, comparison, servers, connections)));
    }
    return rows;
  });
  if (audited.wrong.length === 0) return audited.value;
  // The audit is about all runs of a server: none of them stands.
  return audited.value.map((row) =>
    row.verified === null ? row : { ...row, verified: false, more: { ...row.more, audit: audited.wrong } },
  );
}

async function atConnections(
  bench: Bench,
  comparison: HttpComparison,
  servers: readonly Server[],
  connections: number,
): Promise<Row[]> {
  const { effort } = bench;
  const contenders = async (sending: Sending) => {
    const all: Contender[] = [bareHandler(bench, sending)];
    for (const [i, server] of servers.entries()) {
      const name = `${comparison.name}-${comparison.syncs[i]}-${connections}`;
      all.push(await comparison.contender(bench, server, name, sending));
    }
    return all;
  };
  bench.say(`${comparison.name}, ${connections} connections, closed loop`);
  const closed = await interleave(
    await contenders({ connections, seconds: effort.runSeconds, rate: null }),
    effort.pairs,
    bench.say,
  );
  const rate = Math.round(medianOf(closed[1]!, (run) => run.rps) / 2);
  bench.say(`${comparison.name}, ${connections} connections, open loop at ${rate}/s`);
  const open = await interleave(
    await contenders({ connections, seconds: effort.openSeconds, rate }),
    effort.openPairs,
    bench.say,
  );
  const yardstick = withLatency(comparisonRow(closed[0]!, closed[0]!, false), open[0]!, open[0]!, rate);
  return [
    { ...yardstick, name: `${comparison.name}-${yardstick.name}` },
    ...closed.slice(1).map((series, i) => serverRow(series, closed, open, i + 1, rate)),
  ];
}

function serverRow(
  series: Series,
  closed: readonly Series[],
  open: readonly Series[],
  i: number,
  rate: number,
): Row {
  const row = withLatency(comparisonRow(series, closed[0]!, true), open[i]!, open[0]!, rate);
  if (i === 1) return row;
  return { ...row, more: { ...row.more, ratioRpsToOs: rpsRatio(series, closed[1]!) } };
}
