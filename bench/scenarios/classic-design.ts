/**
 * Doorbuster in the profile `single` and the classic design behind both of its servers take turns, on one Redis and
 * one MySQL, each selling templates of one size to the last unit.
 */
import { comparisonRow } from '../comparison.ts';
import { interleave } from '../contender.ts';
import { bareHandler, wonClaims } from '../contenders/http.ts';
import { liveClaims } from '../contenders/live.ts';
import { breakIn, withPeers } from '../peers/classic.ts';
import { classicClaims, warmUp } from '../peers/classic-contender.ts';
import type { Peer } from '../peers/peer.ts';
import type { Server } from '../processes/server.ts';
import type { Row } from '../report.ts';
import { fastest, versusRows } from '../versus.ts';
import type { Bench, Scenario } from './scenario.ts';
import { auditedRows, withInstallations } from './with-servers.ts';

const CONNECTIONS = [64, 512];
const SECONDS_MAX = 120;
const GOALS = { uws: { path: 4, allIn: 2.5 }, fastify: { path: 6, allIn: 4 } } as const;

async function run(bench: Bench): Promise<Row[]> {
  const stores = await bench.stores();
  const audited = await withInstallations(
    bench,
    [{ sync: 'os', profile: 'single', nodes: 1 }],
    async ([server]) => withPeers(stores, (peers) => compare(bench, server!, peers)),
  );
  return auditedRows(audited);
}

async function compare(bench: Bench, server: Server, peers: readonly Peer[]): Promise<Row[]> {
  const claims = bench.effort.soldUnits;
  bench.say('classic-design: rules and warming up');
  const broken = await breakIn(bench, peers, claims);
  broken.push(...(await warmUp(liveClaims(bench, server, 'warm-up', claims))));
  const rows: Row[] = [];
  for (const connections of CONNECTIONS)
    rows.push(...(await atConnections(bench, server, peers, connections)));
  if (broken.length === 0) return rows;
  return rows.map((row) =>
    row.verified === null ? row : { ...row, verified: false, more: { ...row.more, broken } },
  );
}

async function atConnections(
  bench: Bench,
  server: Server,
  peers: readonly Peer[],
  connections: number,
): Promise<Row[]> {
  const { soldUnits: claims, rounds, runSeconds } = bench.effort;
  const sold = { connections, seconds: SECONDS_MAX, rate: null, requests: claims };
  bench.say(`classic-design, ${connections} connections`);
  const [bare, http, live, ...classics] = await interleave(
    [
      bareHandler(bench, { connections, seconds: runSeconds, rate: null }),
      wonClaims(bench, server, `single-http-${connections}`, sold),
      liveClaims(bench, server, `single-ws-beside-${connections}`, claims),
      ...peers.map((peer) =>
        classicClaims(bench, peer, `${peer.name}-${connections}`, { connections, claims }),
      ),
    ],
    rounds,
    bench.say,
  );
  const rows = [http!, live!, ...classics].map((series) => comparisonRow(series, bare!, true));
  for (const kind of ['uws', 'fastify'] as const) {
    const other = fastest(classics.filter(({ name }) => name.startsWith(`classic-${kind}`)));
    rows.push(...versusRows(`single-http-vs-${kind}-${connections}`, http!, other, GOALS[kind]));
    rows.push(...versusRows(`single-ws-vs-${kind}-${connections}`, live!, other, null));
  }
  return [{ ...comparisonRow(bare!, bare!, false), name: `classic-design-${bare!.name}` }, ...rows];
}

export const classicDesign: Scenario = {
  name: 'classic-design',
  about: 'single against one Redis script per claim, behind uWebSockets.js and behind Fastify',
  run,
};
