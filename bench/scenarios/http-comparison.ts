/**
 * The shape all HTTP scenarios share: servers with LOG_SYNC os and always take turns with the bare handler in closed
 * loop at one or more numbers of connections; then all of them in open loop at half of what the os server carried.
 */
import { comparisonRow, medianOf, rpsRatio, withLatency } from '../comparison.ts';
import { type Contender, interleave, type Series } from '../contender.ts';
import { bareHandler, type Sending } from '../contenders/http.ts';
import { measureFdatasync } from '../disk.ts';
import { withGoal } from '../goals.ts';
import type { LogSync, Server } from '../processes/server.ts';
import type { Row } from '../report.ts';
import type { Bench } from './scenario.ts';
import { auditedRows, withServers } from './with-servers.ts';

const ALWAYS_TO_OS = 0.8;
/** Where a group commit has something to gather, and what a crowd looks like. */
const CROWD = 512;
const P99_TO_BARE = 3;

export interface HttpComparison {
  readonly name: string;
  readonly syncs: readonly LogSync[];
  readonly connections: readonly number[];
  /** Of the bare handler's requests per CPU-second at least; null: measured elsewhere. */
  readonly goal: number | null;
  contender(bench: Bench, server: Server, name: string, sending: Sending): Contender | Promise<Contender>;
}

export async function compareHttp(bench: Bench, comparison: HttpComparison): Promise<Row[]> {
  const audited = await withServers(bench, comparison.syncs, async (servers, dataDirs) => {
    const rows: Row[] = [];
    if (comparison.syncs.includes('always')) {
      rows.push(measureFdatasync(dataDirs[0]!.path, bench.effort.syncs));
    }
    for (const connections of comparison.connections) {
      rows.push(...(await atConnections(bench, comparison, servers, connections)));
    }
    return rows;
  });
  return auditedRows(audited);
}

async function atConnections(
  bench: Bench,
  comparison: HttpComparison,
  servers: readonly Server[],
  connections: number,
): Promise<Row[]> {
  const { effort, profile } = bench;
  const title = profile === 'embedded' ? comparison.name : `${profile}-${comparison.name}`;
  const contenders = async (sending: Sending) => {
    const all: Contender[] = [bareHandler(bench, sending)];
    for (const [i, server] of servers.entries()) {
      const name = `${title}-${comparison.syncs[i]}-${connections}`;
      all.push(await comparison.contender(bench, server, name, sending));
    }
    return all;
  };
  bench.say(`${title}, ${connections} connections, closed loop`);
  const closed = await interleave(
    await contenders({ connections, seconds: effort.runSeconds, rate: null }),
    effort.pairs,
    bench.say,
  );
  if (!isOpenLoop(bench)) {
    const yardstick = comparisonRow(closed[0]!, closed[0]!, false);
    return [
      { ...yardstick, name: `${title}-${yardstick.name}` },
      ...closed.slice(1).map((_, i) => serverRow(comparison, closed, i + 1, connections)),
    ];
  }
  const rate = Math.round(medianOf(closed[1]!, (run) => run.rps) / 2);
  bench.say(`${title}, ${connections} connections, open loop at ${rate}/s`);
  const open = await interleave(
    await contenders({ connections, seconds: effort.openSeconds, rate }),
    effort.openPairs,
    bench.say,
  );
  const yardstick = withLatency(comparisonRow(closed[0]!, closed[0]!, false), open[0]!, open[0]!, rate);
  return [
    { ...yardstick, name: `${title}-${yardstick.name}` },
    ...closed.slice(1).map((_, i) => {
      const row = withLatency(
        serverRow(comparison, closed, i + 1, connections),
        open[i + 1]!,
        open[0]!,
        rate,
      );
      const isGoal = i === 0 && connections === CROWD;
      return isGoal ? withGoal(row, 'p99Ratio', Number(row.more!.p99Ratio), { atMost: P99_TO_BARE }) : row;
    }),
  ];
}

/** Latencies are those of the engine: beside two databases on the same few cores, they would be theirs. */
function isOpenLoop({ profile }: Bench): boolean {
  return profile === 'embedded';
}

function serverRow(
  { goal, syncs }: HttpComparison,
  closed: readonly Series[],
  i: number,
  connections: number,
): Row {
  const series = closed[i]!;
  const row = comparisonRow(series, closed[0]!, true);
  if (i === 1) return goal === null ? row : withGoal(row, 'ratioCpu', row.ratioCpu!, { atLeast: goal });
  const ratio = rpsRatio(series, closed[1]!);
  const full = { ...row, more: { ...row.more, ratioRpsToOs: ratio } };
  const isGoal = syncs[i - 1] === 'always' && connections === CROWD;
  return isGoal ? withGoal(full, 'ratioRpsToOs', ratio, { atLeast: ALWAYS_TO_OS }) : full;
}
