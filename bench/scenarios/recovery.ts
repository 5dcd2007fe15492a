/**
 * How long a start takes because of the claims there are: time to /readyz less that of a server with nothing stored.
 * The files are in the page cache, as they are when a process was killed and comes back.
 */
import { DataDir } from '../processes/data-dir.ts';
import { Server } from '../processes/server.ts';
import { NO_FIGURES, type Row } from '../report.ts';
import { SeededData, verifySeeded } from '../seeded-data.ts';
import { median } from '../stats.ts';
import type { Bench, Scenario } from './scenario.ts';

async function emptyReadyMs(starts: number): Promise<number> {
  const dataDir = new DataDir();
  try {
    // The first start makes the database and the secrets: that is installing, not recovering.
    await (await Server.start(dataDir.path, 'os')).child.end('SIGTERM');
    return await readyMs(starts, dataDir.path, () => {});
  } finally {
    dataDir.remove();
  }
}

async function readyMs(starts: number, dataDir: string, before: () => void): Promise<number> {
  const taken: number[] = [];
  for (let i = 0; i < starts; i++) {
    before();
    const server = await Server.start(dataDir, 'os');
    taken.push(server.readyMs);
    await server.child.end('SIGKILL');
  }
  return median(taken);
}

function row(name: string, claims: number, ready: number, empty: number, wrong: readonly string[]): Row {
  return {
    ...NO_FIGURES,
    name,
    rps: (claims / Math.max(ready - empty, 1)) * 1000,
    verified: wrong.length === 0,
    more: { claims, readyMs: ready, emptyReadyMs: empty, ...(wrong.length > 0 ? { wrong } : {}) },
  };
}

async function verified(data: SeededData): Promise<string[]> {
  const server = await Server.start(data.dataDir.path, 'os');
  try {
    return await verifySeeded(server, data.templates);
  } finally {
    await server.child.end('SIGTERM');
  }
}

async function run(bench: Bench): Promise<Row[]> {
  const { recoveryClaims, recoveryStarts } = bench.effort;
  const data = new SeededData();
  try {
    bench.say(`recovery: seeding ${recoveryClaims} claims`);
    await data.fill(bench, recoveryClaims);
    const empty = await emptyReadyMs(recoveryStarts);
    const fromRecords = await readyMs(recoveryStarts, data.dataDir.path, () => {});
    bench.say(`  from records: ${Math.round(fromRecords)} ms, empty: ${Math.round(empty)} ms`);
    const wrongRecords = await verified(data);
    const fromLog = await readyMs(recoveryStarts, data.dataDir.path, () => data.unflush());
    bench.say(`  from the log: ${Math.round(fromLog)} ms`);
    data.unflush();
    const wrongLog = await verified(data);
    return [
      row('recovery-records', recoveryClaims, fromRecords, empty, wrongRecords),
      row('recovery-log', recoveryClaims, fromLog, empty, wrongLog),
    ];
  } finally {
    data.remove();
  }
}

export const recovery: Scenario = {
  name: 'recovery',
  about: 'time to ready from stored records and from an unflushed log',
  run,
};
