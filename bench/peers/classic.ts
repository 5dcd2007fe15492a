/**
 * The design most flash sales are built on, measured as Doorbuster is: one Redis script per claim, records queued to
 * a database, behind uWebSockets.js and behind Fastify, with and without ioredis's auto-pipelining.
 */
import { pathToFileURL } from 'node:url';
import { comparisonRow, medianOf } from '../comparison.ts';
import { interleave, type Series } from '../contender.ts';
import { bareHandler } from '../contenders/http.ts';
import { LoadClient } from '../processes/load-client.ts';
import { startYardstick } from '../processes/yardstick.ts';
import { type Row, table } from '../report.ts';
import { type Bench, FULL, QUICK, type Scenario, userSource } from '../scenarios/scenario.ts';
import { median } from '../stats.ts';
import { type ClassicContender, type ClassicCost, classicClaims, warmUp } from './classic-contender.ts';
import { type Peer, startPeer } from './peer.ts';
import { startServers } from './servers.ts';
import { verifyRules } from './verify-peer.ts';

const CONNECTIONS = [64, 512];
/** About as many as are sold in the seconds a run is to take. */
const CLAIMS_PER_SECOND = 25_000;
const LISTENERS_MAX = 64;

/** One round of every peer at each number of connections. */
export async function measurePeers(bench: Bench, peers: readonly Peer[]): Promise<Row[]> {
  const rows: Row[] = [];
  const claims = Math.round(bench.effort.runSeconds * CLAIMS_PER_SECOND);
  const broken: string[] = [];
  for (const peer of peers) {
    const wrong = await verifyRules(bench, peer);
    wrong.push(...(await warmUp(classicClaims(bench, peer, peer.name, { connections: 64, claims }))));
    broken.push(...wrong.map((sentence) => `${peer.name}: ${sentence}`));
  }
  for (const connections of CONNECTIONS) {
    bench.say(`peers, ${connections} connections`);
    const classics = peers.map((peer) =>
      classicClaims(bench, peer, `${peer.name}-${connections}`, { connections, claims }),
    );
    const bare = bareHandler(bench, { connections, seconds: bench.effort.runSeconds, rate: null });
    const [yardstick, ...series] = await interleave([bare, ...classics], bench.effort.pairs, bench.say);
    rows.push(...series.map((one, i) => classicRow(one, yardstick!, classics[i]!)));
  }
  if (broken.length === 0) return rows;
  return rows.map((row) => ({ ...row, verified: false, more: { ...row.more, broken } }));
}

/** `cpuUsPerRequest` is the claim path: the server's thread and Redis's. */
function classicRow(series: Series, yardstick: Series, { costs }: ClassicContender): Row {
  const row = comparisonRow(series, yardstick, true);
  const of = (figure: (cost: ClassicCost) => number) => median(costs.map(figure));
  const threadUs = medianOf(series, (run) => (run.serverBusy / run.rps) * 1e6);
  return {
    ...row,
    more: {
      ...row.more,
      serverThreadUs: threadUs,
      redisThreadUs: row.cpuUsPerRequest! - threadUs,
      serverUs: of((cost) => cost.us.server),
      redisUs: of((cost) => cost.us.redis),
      writerUs: of((cost) => cost.us.writer),
      mysqlUs: of((cost) => cost.us.mysql),
      allInUs: of((cost) => cost.allInUs),
      storedPerSecond: of((cost) => cost.storedPerSecond),
    },
  };
}

/** `appendOnly`: see ServersOptions. */
export function peersScenario(appendOnly: boolean): Scenario['run'] {
  return async (bench) => {
    // Every process that must not outlive the bench listens to its end.
    process.setMaxListeners(LISTENERS_MAX);
    const servers = await startServers({ appendOnly });
    const { redis, mysql } = servers;
    const started: Peer[] = [];
    try {
      for (const kind of ['uws', 'fastify'] as const) {
        for (const autoPipelining of [false, true]) {
          started.push(await startPeer({ kind, autoPipelining, redis, mysql }));
        }
      }
      return await measurePeers(bench, started);
    } finally {
      for (const peer of started) await peer.stop();
      await servers.stop();
    }
  };
}

export const peers: Scenario = {
  name: 'peers',
  about: 'the classic design: Redis script, queue, MariaDB; behind uWebSockets.js and Fastify',
  run: peersScenario(true),
};

/** `node dist/bench/peers/classic.js [--full] [--no-aof]` */
async function main(): Promise<void> {
  const flags = process.argv.slice(2);
  const client = new LoadClient();
  const yardstick = await startYardstick();
  try {
    const rows = await peersScenario(!flags.includes('--no-aof'))({
      effort: flags.includes('--full') ? FULL : QUICK,
      client,
      yardstick,
      injectLostRow: false,
      say: (line) => console.error(line),
      freshUsers: userSource(),
    });
    console.log(table(rows));
    process.exitCode = rows.every((row) => row.verified) ? 0 : 1;
  } finally {
    client.stop();
    await yardstick.stop();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) await main();
