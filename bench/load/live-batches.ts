/** Claims in batches over `/v1/live`, as a gateway sends them: K frames in flight on each connection. */
import { type ClaimResults, ClaimsFrame, readResults } from './claims-frame.ts';
import { type LiveBatchesJob, type LoadResult, portOf } from './jobs.ts';
import { LatencyRecorder } from './latency.ts';
import { LiveSocket } from './live-socket.ts';
import { RunEnd } from './run-end.ts';
import { Tally, userWalk } from './tally.ts';

/** A frame may be written again once its answer is in: one per place in flight. */
interface Place {
  readonly socket: LiveSocket;
  readonly frame: ClaimsFrame;
  readonly userIds: number[];
  sentAtMs: number;
}

export async function liveBatches(job: LiveBatchesJob, go: () => Promise<void>): Promise<LoadResult> {
  const tally = new Tally(job.couponEvery);
  const latency = new LatencyRecorder();
  const nextUser = userWalk(job.users);
  const framesMax = Math.ceil((job.claimsMax ?? Number.POSITIVE_INFINITY) / job.usersPerFrame);
  const places: Place[] = [];
  const sockets: LiveSocket[] = [];
  let framesSent = 0;
  let framesAnswered = 0;
  let timeUp = false;
  const end = new RunEnd();

  const send = (place: Place) => {
    for (let i = 0; i < job.usersPerFrame; i++) {
      const userId = nextUser();
      place.userIds[i] = userId;
      place.frame.setUser(i, userId);
    }
    framesSent++;
    place.sentAtMs = performance.now();
    place.socket.send(place.frame.bytes);
  };
  const message = (payload: Buffer) => {
    const { frame, results } = readResults(payload);
    const place = places[frame];
    if (results.op !== 'results' || place === undefined)
      throw new Error(`unexpected: ${JSON.stringify(results)}`);
    framesAnswered++;
    latency.record(place.sentAtMs, performance.now());
    count(tally, place, results, job.usersPerFrame);
    if (!timeUp && framesSent < framesMax) send(place);
    else if (framesAnswered === framesSent) end.finish();
  };

  await new Promise<void>((resolve, reject) => {
    let up = 0;
    const failed = (error: Error) => {
      reject(error);
      end.fail(error);
    };
    const open = () => {
      if (++up === job.connections) resolve();
    };
    const headers = {
      authorization: `Bearer ${job.token}`,
      'sec-websocket-protocol': 'doorbuster.msgpack',
    };
    for (let i = 0; i < job.connections; i++) {
      sockets.push(new LiveSocket(portOf(job, i), '/v1/live', headers, { open, message, failed }));
    }
  });
  for (const socket of sockets) {
    for (let i = 0; i < job.framesInFlight; i++) {
      const frame = new ClaimsFrame(job.templateId, job.usersPerFrame);
      frame.setId(places.length);
      places.push({ socket, frame, userIds: new Array<number>(job.usersPerFrame).fill(0), sentAtMs: 0 });
    }
  }
  try {
    await go();
    tally.start();
    const timer = setTimeout(() => {
      timeUp = true;
    }, job.seconds * 1000);
    for (const place of places) if (framesSent < framesMax) send(place);
    await end.within(job.seconds, () => framesSent - framesAnswered);
    clearTimeout(timer);
    return tally.result(latency.summary());
  } finally {
    for (const socket of sockets) socket.close();
  }
}

function count(tally: Tally, place: Place, results: ClaimResults, users: number): void {
  const { status, couponIds } = results;
  if (status?.length !== users || couponIds?.length !== users)
    throw new Error('results do not match the batch');
  for (let i = 0; i < users; i++) tally.claim(place.userIds[i]!, status[i]!, couponIds[i] ?? null);
}
