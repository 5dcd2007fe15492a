/**
 * The load process: runs one job after another as its parent asks. It connects first and says `ready`, so that the
 * parent can read the server's clocks before the first request and connecting is not charged to claims.
 */
import { closedLoop } from './closed-loop.ts';
import type { FromLoad, Job, LoadResult, ToLoad } from './jobs.ts';
import { liveBatches } from './live-batches.ts';
import { openLoop } from './open-loop.ts';
import { orders } from './orders.ts';

let released: () => void = () => {};

function tell(message: FromLoad): void {
  process.send!(message);
}

function go(): Promise<void> {
  return new Promise((resolve) => {
    released = resolve;
    tell({ kind: 'ready' });
  });
}

function run(job: Job): Promise<LoadResult> {
  switch (job.kind) {
    case 'closed-loop':
      return closedLoop(job, go);
    case 'open-loop':
      return openLoop(job, go);
    case 'live-batches':
      return liveBatches(job, go);
    case 'orders':
      return orders(job, go);
  }
}

process.on('message', (message: ToLoad) => {
  if (message.kind === 'go') {
    released();
    return;
  }
  run(message.job).then(
    (result) => tell({ kind: 'done', result }),
    (error: Error) => tell({ kind: 'failed', message: error.stack ?? error.message }),
  );
});
process.on('disconnect', () => process.exit());
