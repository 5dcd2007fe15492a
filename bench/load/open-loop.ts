/**
 * Open loop: requests leave at a fixed rate over a pool of keep-alive connections; when all are busy they wait, and
 * the wait is part of their latency. Measures what a crowd that does not slow down for the server would see.
 */
import type { LoadResult, OpenLoopJob } from './jobs.ts';
import { LatencyRecorder } from './latency.ts';
import { connectAll, type LeanConnection } from './lean-connection.ts';
import { requestsOf } from './requests.ts';
import { RunEnd } from './run-end.ts';
import { Schedule } from './schedule.ts';
import { Tally, userWalk } from './tally.ts';

/** Timers are a millisecond coarse: nearer than this the loop polls, so that sending late is not taken for slowness. */
const POLL_BELOW_MS = 2;

export async function openLoop(job: OpenLoopJob, go: () => Promise<void>): Promise<LoadResult> {
  const tally = new Tally(job.couponEvery, job.countedBy);
  const latency = new LatencyRecorder();
  const nextUser = userWalk(job.users);
  const requests = requestsOf(job);
  const idle: LeanConnection[] = [];
  const total = Math.min(Math.ceil(job.rate * job.seconds), job.requestsMax ?? Number.POSITIVE_INFINITY);
  let schedule = new Schedule(job.rate, total, 0);
  const end = new RunEnd();

  const sendOn = (connection: LeanConnection, index: number) => {
    connection.index = index;
    const userId = nextUser();
    connection.send(userId, requests.bytesFor(connection.place, userId));
  };
  const answered = (connection: LeanConnection) => {
    const nowMs = performance.now();
    latency.record(schedule.intendedMs(connection.index), nowMs);
    tally.http(connection.userId, connection.answer);
    const index = schedule.take(nowMs);
    if (index !== -1) sendOn(connection, index);
    else idle.push(connection);
    if (tally.answered === total) end.finish();
  };
  const connections = await connectAll(job, {
    answered,
    failed: (e) => end.fail(e),
  });
  idle.push(...connections);
  try {
    await go();
    tally.start();
    schedule = new Schedule(job.rate, total, performance.now());
    const tick = () => {
      if (end.over) return;
      const nowMs = performance.now();
      while (idle.length > 0) {
        const index = schedule.take(nowMs);
        if (index === -1) break;
        sendOn(idle.pop()!, index);
      }
      const waitMs = schedule.waitMs(nowMs);
      if (waitMs === Number.POSITIVE_INFINITY) return;
      if (job.isTimed) setTimeout(tick, Math.max(1, waitMs));
      else if (waitMs > POLL_BELOW_MS) setTimeout(tick, waitMs - POLL_BELOW_MS);
      else setImmediate(tick);
    };
    tick();
    await end.within(job.seconds, () => total - tally.answered);
    return tally.result(latency.summary());
  } finally {
    for (const connection of connections) connection.close();
  }
}
