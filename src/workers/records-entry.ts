/**
 * The record-store thread. SQLite is synchronous, so it blocks here and nowhere else; for MySQL the packing of rows is
 * what the claim path must not wait for. Several clients, one port each.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { MarkStore, RecordStore } from '../ports.ts';
import type { CouponStore } from '../ports-coupons.ts';
import type { EventStore } from '../ports-events.ts';
import { keepCatalogTold } from '../records/catalog-sweeper.ts';
import { keepCouponsSwept } from '../records/coupon-sweeper.ts';
import { keepMarksSwept } from '../records/mark-sweeper.ts';
import { stepBehindClaims } from './background-priority.ts';
import { packAnswer } from './redemption-answers.ts';
import { serveCalls } from './rpc.ts';
import { CpuTeller } from './thread-cpu.ts';

export type RecordsTarget =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'mysql'; readonly url: string; readonly statementTimeoutMs: number };

export type FromRecords =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly detail: string }
  /** Old idempotency marks are still there; the next sweep tries again. */
  | { readonly kind: 'marksNotSwept'; readonly detail: string }
  /** The same of coupons that have expired and locks that have lapsed; readers see them as what they are all the same. */
  | { readonly kind: 'couponsNotSwept'; readonly detail: string }
  /** The same of what the clock brings about for templates and activities. */
  | { readonly kind: 'catalogNotTold'; readonly detail: string }
  /** Milliseconds between the moment the last ones swept were due and the sweep. */
  | { readonly kind: 'rests' }
  | { readonly kind: 'couponsSwept'; readonly coupons: number; readonly lateMs: number };

export type ToRecords =
  | RecordsPort
  /** Nothing is asked any more: ends what the thread does by itself, for it to be terminated. */
  | 'rest';

/** Of one client. */
export interface RecordsPort {
  readonly port: MessagePort;
  readonly serves: 'records' | 'coupons' | 'events';
}

export interface RecordsData {
  readonly target: RecordsTarget;
  /** ThreadCpu. */
  readonly cpu: SharedArrayBuffer;
}

stepBehindClaims();
const { target, cpu } = workerData as RecordsData;
const teller = new CpuTeller(cpu);
setInterval(() => teller.tell(), 250).unref();

interface Opened {
  readonly store: RecordStore & MarkStore & { readonly coupons: CouponStore; readonly events: EventStore };
  readonly isOutage: (error: unknown) => boolean;
}

/** Loads only the library that is used. */
async function open(): Promise<Opened> {
  if (target.kind === 'sqlite') {
    const { SqliteStore } = await import('../records/sqlite-store.ts');
    const { isSqliteOutage } = await import('../records/sqlite-failures.ts');
    return { store: new SqliteStore(target.file), isOutage: isSqliteOutage };
  }
  const { openMysqlStore } = await import('../records/mysql/mysql-store.ts');
  const { isMysqlOutage } = await import('../records/mysql/failures.ts');
  const { url, statementTimeoutMs } = target;
  return { store: await openMysqlStore(url, { statementTimeoutMs }), isOutage: isMysqlOutage };
}

function tell(message: FromRecords): void {
  parentPort!.postMessage(message);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  const { store, isOutage } = await open();
  const stopSweeping = keepCouponsSwept(store.coupons, {
    swept: (coupons, lateMs) => tell({ kind: 'couponsSwept', coupons, lateMs }),
    failed: (error) => tell({ kind: 'couponsNotSwept', detail: describe(error) }),
  });
  const stopTelling = keepCatalogTold(store.events, (error) =>
    tell({ kind: 'catalogNotTold', detail: describe(error) }),
  );
  const serve = ({ port, serves }: RecordsPort): void => {
    if (serves === 'records') serveCalls(port, store, isOutage);
    else if (serves === 'coupons') serveCalls(port, store.coupons, isOutage, packAnswer);
    else serveCalls(port, store.events, isOutage);
  };
  parentPort!.on('message', (message: ToRecords) => {
    if (message === 'rest')
      void Promise.all([stopSweeping(), stopTelling()]).then(() => tell({ kind: 'rests' }));
    else serve(message);
  });
  tell({ kind: 'ready' });
  keepMarksSwept(store, (error) => tell({ kind: 'marksNotSwept', detail: describe(error) }));
} catch (error) {
  tell({ kind: 'failed', detail: error instanceof Error ? error.message : String(error) });
  parentPort!.close();
}
