/**
 * The design most flash sales are built on, measured as Doorbuster is: one Redis script per claim, records queued to
 * a database, behind uWebSockets.js and behind Fastify, with and without ioredis's auto-pipelining.
 */
import { pathToFileURL } from 'node:url';
import { comparisonRow } from '../comparison.ts';
import { interleave } from '../contender.ts';
import { bareHandler } from '../contenders/http.ts';
import { LoadClient } from '../processes/load-client.ts';
import { startYardstick } from '../processes/yardstick.ts';
import { type Row, table } from '../report.ts';
import { type Bench, FULL, QUICK, userSource } from '../scenarios/scenario.ts';
import { classicClaims, warmUp } from './classic-contender.ts';
import { type Peer, startPeer } from './peer.ts';
import { type Servers, startServers } from './servers.ts';
import { verifyRules } from './verify-peer.ts';

const CONNECTIONS = [64, 512];
/** About as many as are sold in the seconds a run is to take. */
const CLAIMS_PER_SECOND = 25_000;
/** Every process that must not outlive the bench listens to its end. */
const LISTENERS_MAX = 64;

/** Checks each peer's rules and runs it warm; what is wrong, as sentences. */
export async function breakIn(bench: Bench, peers: readonly Peer[], claims: number): Promise<string[]> {
  const broken: string[] = [];
  for (const peer of peers) {
    const wrong = await verifyRules(bench, peer);
    wrong.push(...(await warmUp(classicClaims(bench, peer, peer.name, { connections: 64, claims }))));
    broken.push(...wrong.map((sentence) => `${peer.name}: ${sentence}`));
  }
  return broken;
}

/** Both servers, each with and without auto-pipelining, for as long as they are used. */
export async function withPeers<T>(
  { redis, mysql }: Servers,
  use: (peers: readonly Peer[]) => Promise<T>,
): Promise<T> {
  const started: Peer[] = [];
  try {
    for (const kind of ['uws', 'fastify'] as const) {
      for (const autoPipelining of [false, true]) {
        started.push(await startPeer({ kind, autoPipelining, redis, mysql }));
      }
    }
    return await use(started);
  } finally {
    for (const peer of started) await peer.stop();
  }
}

/** One round of every peer at each number of connections. */
export async function measurePeers(bench: Bench, peers: readonly Peer[]): Promise<Row[]> {
  const rows: Row[] = [];
  const claims = Math.round(bench.effort.runSeconds * CLAIMS_PER_SECOND);
  const broken = await breakIn(bench, peers, claims);
  for (const connections of CONNECTIONS) {
    bench.say(`peers, ${connections} connections`);
    const classics = peers.map((peer) =>
      classicClaims(bench, peer, `${peer.name}-${connections}`, { connections, claims }),
    );
    const bare = bareHandler(bench, { connections, seconds: bench.effort.runSeconds, rate: null });
    const [yardstick, ...series] = await interleave([bare, ...classics], bench.effort.pairs, bench.say);
    rows.push(...series.map((one) => comparisonRow(one, yardstick!, true)));
  }
  if (broken.length === 0) return rows;
  return rows.map((row) => ({ ...row, verified: false, more: { ...row.more, broken } }));
}

/** `node dist/bench/peers/classic.js [--full] [--no-aof]`: the peers alone. */
async function main(): Promise<void> {
  const flags = process.argv.slice(2);
  process.setMaxListeners(LISTENERS_MAX);
  const client = new LoadClient();
  const yardstick = await startYardstick();
  const servers = await startServers({ appendOnly: !flags.includes('--no-aof') });
  try {
    const bench: Bench = {
      effort: flags.includes('--full') ? FULL : QUICK,
      profile: 'embedded',
      client,
      yardstick,
      stores: async () => servers,
      injectLostRow: false,
      say: (line) => console.error(line),
      freshUsers: userSource(),
    };
    const rows = await withPeers(servers, (peers) => measurePeers(bench, peers));
    console.log(table(rows));
    process.exitCode = rows.every((row) => row.verified) ? 0 : 1;
  } finally {
    client.stop();
    await yardstick.stop();
    await servers.stop();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) await main();
