/** The flusher into MySQL, alone, beside LOAD DATA of a ready file with the same rows into the same empty table. */
import path from 'node:path';
import { withGoal } from '../goals.ts';
import { Infile } from '../infile.ts';
import { SharedBacking } from '../processes/backing.ts';
import { DataDir } from '../processes/data-dir.ts';
import { processCpuSeconds } from '../processes/process-cpu.ts';
import { Server } from '../processes/server.ts';
import { cpuBetween, readThreadCpu } from '../processes/thread-cpu.ts';
import { NO_FIGURES, type Row } from '../report.ts';
import { sellAll, verifySeeded } from '../seeded-data.ts';
import { median, medianRatio } from '../stats.ts';
import type { Bench, Scenario } from './scenario.ts';

const SETTLE_MS = 300;
const GOAL = 0.8;

/** CPU in microseconds a row. */
interface Taken {
  readonly rowsPerSecond: number;
  /** Of the flusher and the thread that talks to the database; of the client that sends the file. */
  readonly senderUs: number;
  readonly mysqlUs: number;
  readonly wrong: readonly string[];
}

async function run(bench: Bench): Promise<Row[]> {
  const { mysqlRows: claims, mysqlRounds } = bench.effort;
  const { mysql } = await bench.stores();
  const backing = await SharedBacking.create(await bench.stores(), 'single');
  const dataDir = new DataDir();
  const infile = await Infile.connect(backing.database.url, path.join(dataDir.path, 'coupons.tsv'));
  try {
    bench.say(`flusher-mysql: seeding ${claims} claims`);
    const server = await Server.start(dataDir.path, 'os', backing);
    const template = { id: await server.publishTemplate(claims), claims };
    await sellAll(bench, server, [template]);
    await server.child.end('SIGTERM');
    const ready = await infile.fill();
    if (ready !== claims) throw new Error(`${ready} rows of ${claims} claims are in the file`);

    const loads: Taken[] = [];
    const flushes: Taken[] = [];
    for (let round = 1; round <= mysqlRounds; round++) {
      await backing.unflush();
      loads.push(await load(infile, claims, mysql.pid));
      await backing.unflush();
      flushes.push(await flush(dataDir.path, backing, template, mysql.pid));
      const rates = [loads, flushes].map((all) => Math.round(all.at(-1)!.rowsPerSecond));
      bench.say(`  ${round}/${mysqlRounds} LOAD DATA ${rates[0]} rows/s, flusher ${rates[1]} rows/s`);
    }
    return rowsOf(loads, flushes);
  } finally {
    await infile.close();
    await backing.drop();
    dataDir.remove();
  }
}

async function load(infile: Infile, claims: number, mysqlPid: number): Promise<Taken> {
  const mysqlBefore = processCpuSeconds(mysqlPid);
  const cpu = process.cpuUsage();
  const fromMs = performance.now();
  const rows = await infile.load();
  const seconds = (performance.now() - fromMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    rowsPerSecond: rows / seconds,
    senderUs: (user + system) / rows,
    mysqlUs: ((processCpuSeconds(mysqlPid) - mysqlBefore) / rows) * 1e6,
    wrong: rows === claims ? [] : [`LOAD DATA stored ${rows} rows of ${claims}`],
  };
}

/** From ready to the last row; what was stored before is left out. */
async function flush(
  dataDir: string,
  backing: SharedBacking,
  template: { readonly id: string; readonly claims: number },
  mysqlPid: number,
): Promise<Taken> {
  const server = await Server.start(dataDir, 'os', backing);
  try {
    const clocks = async () => ({
      threads: await readThreadCpu(server.internalPort),
      mysql: processCpuSeconds(mysqlPid),
    });
    const { flushed } = await server.stock(template.id);
    const fromMs = performance.now();
    const before = await clocks();
    const rows = (await server.drained(template.id, template.claims)).flushed - flushed;
    const seconds = (performance.now() - fromMs) / 1000;
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const after = await clocks();
    const sender = (thread: string) => thread === 'flusher' || thread === 'records';
    return {
      rowsPerSecond: rows / seconds,
      senderUs: (cpuBetween(before.threads, after.threads, sender) / rows) * 1e6,
      mysqlUs: ((after.mysql - before.mysql) / rows) * 1e6,
      wrong: await verifySeeded(server, [template]),
    };
  } finally {
    await server.child.end('SIGTERM');
  }
}

function cost({ senderUs, mysqlUs }: Taken): number {
  return senderUs + mysqlUs;
}

function rowsOf(loads: readonly Taken[], flushes: readonly Taken[]): Row[] {
  const row = (name: string, all: readonly Taken[]): Row => {
    const of = (figure: (one: Taken) => number) => median(all.map(figure));
    const wrong = all.flatMap((one) => one.wrong);
    return {
      ...NO_FIGURES,
      name,
      rps: of((one) => one.rowsPerSecond),
      cpuUsPerRequest: of((one) => one.senderUs),
      allInUsPerRequest: of(cost),
      verified: wrong.length === 0,
      more: { mysqlUs: of((one) => one.mysqlUs), ...(wrong.length > 0 ? { wrong } : {}) },
    };
  };
  const rate = (one: Taken) => one.rowsPerSecond;
  const ratioRps = medianRatio(flushes.map(rate), loads.map(rate));
  const ratioCpu = medianRatio(loads.map(cost), flushes.map(cost));
  const flusher = { ...row('flusher-mysql', flushes), ratioRps, ratioCpu };
  return [row('load-data', loads), withGoal(flusher, 'ratioRps', ratioRps, { atLeast: GOAL })];
}

export const flusherMysql: Scenario = {
  name: 'flusher-mysql',
  about: 'rows a second and CPU per row from the log into MySQL, beside LOAD DATA of a ready file',
  run,
};
