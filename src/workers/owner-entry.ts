/**
 * The thread of an owner: an ingress that stays, and the lives of the owner that come and go beside it.
 *
 * An error that nobody caught ends the thread, but not at once: the process would end with a thread whose sockets are
 * open. Main takes it out of those that get connections, then the sockets are closed, and only then it ends.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { OpenIngress } from '../ingress/open-ingress.ts';
import { LocalLine } from '../rings/local-line.ts';
import { standBeforeMain } from './background-priority.ts';
import { runLife } from './owner-life.ts';
import type { FromOwnerThread, OwnerThreadData, ToOwnerThread } from './owner-thread.ts';
import { failureOf } from './thread-failure.ts';

/** Main has taken it out of those that get connections, but one may be on its way. */
const LAST_CONNECTIONS_MS = 5;

standBeforeMain();
const { ingress: ingressData } = workerData as OwnerThreadData;
const line = new LocalLine();
/** What comes before the ingress is open waits for it. */
const opening: Promise<OpenIngress | null> =
  ingressData === null
    ? Promise.resolve(null)
    : import('../ingress/open-ingress.ts').then(({ openIngress }) =>
        openIngress(ingressData, line, (message) => tell({ kind: 'ingress', message })),
      );
let open: OpenIngress | null = null;

function tell(message: FromOwnerThread): void {
  parentPort!.postMessage(message);
}

function close(): void {
  setTimeout(() => {
    open?.close();
    process.exit(0);
  }, LAST_CONNECTIONS_MS);
}

process.on('uncaughtException', (error) => tell({ kind: 'crashed', failure: failureOf(error) }));
process.on('unhandledRejection', (error) => tell({ kind: 'crashed', failure: failureOf(error) }));
parentPort!.on('message', (message: ToOwnerThread) => {
  switch (message.kind) {
    case 'life':
      // It tells main itself what becomes of it.
      runLife(message.task, line).catch(() => {});
      break;
    case 'ingress':
      if (open !== null) open.receive(message.message);
      else void opening.then((opened) => opened?.receive(message.message));
      break;
    case 'close':
      close();
      break;
  }
});
open = await opening;
tell({ kind: 'up', descriptor: open?.descriptor ?? null });
