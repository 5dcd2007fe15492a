/** Closed loop: every connection sends its next claim when the last one is answered. Measures what the server can carry. */
import type { ClosedLoopJob, LoadResult } from './jobs.ts';
import { connectAll, type LeanConnection } from './lean-connection.ts';
import { requestsOf } from './requests.ts';
import { RunEnd } from './run-end.ts';
import { Tally, userWalk } from './tally.ts';

/** Connects, waits for `go`, runs until the time or the requests are over and every answer is in. */
export async function closedLoop(job: ClosedLoopJob, go: () => Promise<void>): Promise<LoadResult> {
  const tally = new Tally(job.couponEvery, job.countedBy);
  const nextUser = userWalk(job.users);
  const requests = requestsOf(job);
  const requestsMax = job.requestsMax ?? Number.POSITIVE_INFINITY;
  let sent = 0;
  let timeUp = false;
  const end = new RunEnd();

  const sendOn = (connection: LeanConnection) => {
    const userId = nextUser();
    connection.send(userId, requests.bytesFor(connection.place, userId));
  };
  const answered = (connection: LeanConnection) => {
    tally.http(connection.userId, connection.answer);
    if (!timeUp && sent < requestsMax) {
      sent++;
      sendOn(connection);
    } else if (tally.answered === sent) {
      end.finish();
    }
  };
  const connections = await connectAll(job, {
    answered,
    failed: (e) => end.fail(e),
  });
  try {
    await go();
    tally.start();
    const timer = setTimeout(() => {
      timeUp = true;
    }, job.seconds * 1000);
    for (const connection of connections) {
      if (sent === requestsMax) break;
      sent++;
      sendOn(connection);
    }
    await end.within(job.seconds, () => sent - tally.answered);
    clearTimeout(timer);
    return tally.result(null);
  } finally {
    for (const connection of connections) connection.close();
  }
}
