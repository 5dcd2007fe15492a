/** The flusher alone, without a crowd beside it: a log that has not been flushed, until every claim is a row. */

import { Server } from '../processes/server.ts';
import { cpuBetween, readThreadCpu } from '../processes/thread-cpu.ts';
import { NO_FIGURES, type Row } from '../report.ts';
import { drainedAll, SeededData, verifySeeded } from '../seeded-data.ts';
import type { Bench, Scenario } from './scenario.ts';

const SETTLE_MS = 300;

async function run(bench: Bench): Promise<Row[]> {
  const data = new SeededData();
  try {
    bench.say(`flusher: seeding ${bench.effort.flusherClaims} claims`);
    await data.fill(bench, bench.effort.flusherClaims);
    data.unflush();
    const server = await Server.start(data.dataDir.path, 'os');
    try {
      const fromMs = performance.now();
      const before = await readThreadCpu(server.internalPort);
      let flushedBefore = 0;
      for (const { id } of data.templates) flushedBefore += (await server.stock(id)).flushed;
      const stocks = await drainedAll(server, data.templates);
      const seconds = (performance.now() - fromMs) / 1000;
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      const after = await readThreadCpu(server.internalPort);
      const rows = stocks.reduce((sum, stock) => sum + stock.flushed, 0) - flushedBefore;
      const flusher = cpuBetween(before, after, (thread) => thread === 'flusher');
      const records = cpuBetween(before, after, (thread) => thread === 'records');
      const wrong = await verifySeeded(server, data.templates);
      return [
        {
          ...NO_FIGURES,
          name: 'flusher',
          rps: rows / seconds,
          cpuUsPerRequest: ((flusher + records) / rows) * 1e6,
          verified: wrong.length === 0,
          more: {
            rows,
            flusherUsPerRow: (flusher / rows) * 1e6,
            recordsUsPerRow: (records / rows) * 1e6,
            ...(wrong.length > 0 ? { wrong } : {}),
          },
        },
      ];
    } finally {
      await server.child.end('SIGTERM');
    }
  } finally {
    data.remove();
  }
}

export const flusher: Scenario = {
  name: 'flusher',
  about: 'rows a second and CPU per row from the log into the database',
  run,
};
