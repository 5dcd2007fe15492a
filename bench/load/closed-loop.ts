/** Closed loop: every connection sends its next claim when the last one is answered. Measures what the server can carry. */
import type { ClosedLoopJob, LoadResult } from './jobs.ts';
import { connectAll, type LeanConnection } from './lean-connection.ts';
import { Tally, userWalk } from './tally.ts';

/** Connects, waits for `go`, runs until the time or the requests are over and every answer is in. */
export async function closedLoop(job: ClosedLoopJob, go: () => Promise<void>): Promise<LoadResult> {
  const tally = new Tally(job.couponEvery);
  const nextUser = userWalk(job.users);
  const requestsMax = job.requestsMax ?? Number.POSITIVE_INFINITY;
  let sent = 0;
  let over = false;
  let finish: () => void = () => {};
  let fail: (error: Error) => void = () => {};
  const finished = new Promise<void>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  // A failure before anyone waits is reported when someone does.
  finished.catch(() => {});

  const answered = (connection: LeanConnection) => {
    tally.http(connection.userId, connection.answer);
    if (!over && sent < requestsMax) {
      sent++;
      connection.send(nextUser());
    } else if (tally.answered === sent) {
      finish();
    }
  };
  const connections = await connectAll(job.connections, job.port, job.path, {
    answered,
    failed: (e) => fail(e),
  });
  try {
    await go();
    tally.start();
    const timer = setTimeout(() => {
      over = true;
    }, job.seconds * 1000);
    for (const connection of connections) {
      if (sent === requestsMax) break;
      sent++;
      connection.send(nextUser());
    }
    await finished;
    clearTimeout(timer);
    return tally.result(null);
  } finally {
    for (const connection of connections) connection.close();
  }
}
