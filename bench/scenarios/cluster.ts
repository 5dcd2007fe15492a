/** One hot template in a cluster of one and of two nodes, the load split evenly over the nodes. */
import { comparisonRow, cpuRatio, rpsRatio } from '../comparison.ts';
import { type Contender, interleave } from '../contender.ts';
import { bareHandler, wonClaims } from '../contenders/http.ts';
import { liveClaims } from '../contenders/live.ts';
import { warmUp } from '../peers/classic-contender.ts';
import type { Server } from '../processes/server.ts';
import type { Row } from '../report.ts';
import type { Bench, Scenario } from './scenario.ts';
import { auditedRows, type Installation, withInstallations } from './with-servers.ts';

const CONNECTIONS = 512;
const SECONDS_MAX = 120;
const CLUSTERS: readonly Installation[] = [
  { sync: 'os', profile: 'cluster', nodes: 1 },
  { sync: 'os', profile: 'cluster', nodes: 2 },
];

async function run(bench: Bench): Promise<Row[]> {
  return auditedRows(await withInstallations(bench, CLUSTERS, (servers) => compare(bench, servers)));
}

async function compare(bench: Bench, servers: readonly Server[]): Promise<Row[]> {
  const { soldUnits: claims, runSeconds } = bench.effort;
  bench.say('cluster: warming up');
  for (const server of servers) {
    // Nodes that have just met may still say `unavailable`; after this none may.
    const wrong = await warmUp(liveClaims(bench, server, 'warm-up', claims));
    if (wrong.length > 0) bench.say(`warming up: ${wrong.join('; ')}`);
  }
  const sold = { connections: CONNECTIONS, seconds: SECONDS_MAX, rate: null, requests: claims };
  const named = (way: string, contender: (server: Server, name: string) => Contender) =>
    servers.map((server, i) => contender(server, `cluster-${CLUSTERS[i]!.nodes}-${way}`));
  const bare = bareHandler(bench, { connections: CONNECTIONS, seconds: runSeconds, rate: null });
  const http = named(`http-${CONNECTIONS}`, (server, name) => wonClaims(bench, server, name, sold));
  const live = named('ws', (server, name) => liveClaims(bench, server, name, claims));
  return [...(await turns(bench, bare, http)), ...(await turns(bench, bare, live)).slice(1)];
}

async function turns(bench: Bench, bare: Contender, clusters: readonly Contender[]): Promise<Row[]> {
  bench.say(clusters.map(({ name }) => name).join(', '));
  const [yardstick, one, two] = await interleave([bare, ...clusters], bench.effort.rounds, bench.say);
  const second = comparisonRow(two!, yardstick!, true);
  return [
    { ...comparisonRow(yardstick!, yardstick!, false), name: `cluster-${yardstick!.name}` },
    comparisonRow(one!, yardstick!, true),
    {
      ...second,
      more: {
        ...second.more,
        ratioRpsToOneNode: rpsRatio(two!, one!),
        ratioCpuToOneNode: cpuRatio(two!, one!),
      },
    },
  ];
}

export const cluster: Scenario = {
  name: 'cluster',
  about: 'won claims of one template in a cluster of one and of two nodes, over HTTP and WebSocket',
  run,
};
