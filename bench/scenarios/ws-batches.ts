/** Batches of 16 claims over WebSocket, beside the bare handler and beside claims over HTTP in the same rounds. */
import { comparisonRow, cpuRatio, medianOf, rpsRatio } from '../comparison.ts';
import { interleave } from '../contender.ts';
import { bareHandler, wonClaims } from '../contenders/http.ts';
import { liveClaims, USERS_PER_FRAME } from '../contenders/live.ts';
import { withGoal } from '../goals.ts';
import type { LogSync } from '../processes/server.ts';
import type { Row } from '../report.ts';
import type { Bench, Scenario } from './scenario.ts';
import { withServers } from './with-servers.ts';

const LIVE_TO_HTTP = 8;
const SYNCS: readonly LogSync[] = ['os', 'always'];

async function run(bench: Bench): Promise<Row[]> {
  const { effort } = bench;
  const sending = { connections: 64, seconds: effort.runSeconds, rate: null };
  const prefix = bench.profile === 'embedded' ? '' : `${bench.profile}-`;
  bench.say(`${prefix}ws-batches`);
  const audited = await withServers(bench, SYNCS, (servers) =>
    interleave(
      [
        bareHandler(bench, sending),
        wonClaims(bench, servers[0]!, `${prefix}http-won`, sending),
        ...servers.map((server, i) =>
          liveClaims(bench, server, `${prefix}ws-batches-${SYNCS[i]}`, effort.liveClaims),
        ),
      ],
      effort.pairs,
      bench.say,
    ),
  );
  const [yardstick, http, ...live] = audited.value;
  return live.map((series): Row => {
    const row = comparisonRow(series, yardstick!, true);
    const ratioCpuToHttpClaims = cpuRatio(series, http!);
    const full: Row = {
      ...row,
      // Of whole frames, closed loop: a batch has no send time of its own to keep to.
      p50Ms: medianOf(series, (one) => one.load.latency?.p50Ms ?? Number.NaN),
      p99Ms: medianOf(series, (one) => one.load.latency?.p99Ms ?? Number.NaN),
      verified: row.verified === true && http!.wrong.length === 0 && audited.wrong.length === 0,
      more: {
        ...row.more,
        latencyOf: 'frames, closed loop',
        usersPerFrame: USERS_PER_FRAME,
        ratioCpuToHttpClaims,
        ratioRpsToHttpClaims: rpsRatio(series, http!),
        ...(audited.wrong.length > 0 ? { audit: audited.wrong } : {}),
        ...(http!.wrong.length > 0 ? { wrongHttp: http!.wrong } : {}),
      },
    };
    return withGoal(full, 'ratioCpuToHttpClaims', ratioCpuToHttpClaims, { atLeast: LIVE_TO_HTTP });
  });
}

export const wsBatches: Scenario = {
  name: 'ws-batches',
  about: 'won claims over WebSocket, 16 a frame, LOG_SYNC os and always',
  run,
};
