/**
 * What differs between the profiles, and the only place where it does: where units come from, what follows the claims into
 * the record store, which logs count, what owners must know. Each profile has a folder of its own; the engine asks here
 * and does not know which one it runs.
 */
import type { MessagePort } from 'node:worker_threads';
import type { PoolFact } from '../audit/facts.ts';
import type { LogDisk } from '../claimlog/disk.ts';
import type { TemplateView } from '../claims/template-view.ts';
import type { Config } from '../config.ts';
import type { Logger } from '../logger.ts';
import type { StreamPlace } from '../workers/audit-entry.ts';
import type { FromOwner, OwnerClusterTask, ToOwner } from '../workers/owner-messages.ts';
import type { ClaimSink } from './claim-sink.ts';
import type { ReadBarrier } from './cluster/read-barrier.ts';
import type { LeaseDesk } from './lease-desk.ts';
import type { Pools } from './pools.ts';
import type { StockFigures } from './stock-figures.ts';

/** What every profile is made of. */
export interface TopologyParts {
  readonly config: Config;
  /** Of the claim logs. */
  readonly root: string;
  readonly codeKey: Uint8Array;
  readonly connectStore: (port: MessagePort) => void;
  readonly leases: LeaseDesk;
  readonly templates: ReadonlyMap<number, TemplateView>;
  /** Raised by owners when a log's synced offset has moved. */
  readonly flushSignal: SharedArrayBuffer;
  readonly tellOwner: (owner: number, message: ToOwner) => void;
  /** Rows were stored: pairs of template and how many. */
  readonly onFlushed: (counts: readonly (readonly [number, number])[]) => void;
  readonly onFatal: (error: Error) => void;
  readonly logger: Logger;
}

/** Of a ledger that is not in this process, for /readyz. */
export type LedgerFacts =
  /** Every claim is committed there. `closed`: what cannot be claimed of, and why. */
  | { readonly profile: 'cluster'; readonly closed: Readonly<Record<string, string>> }
  /** `unwritten`: shards that are not written yet, or written anew. */
  | { readonly profile: 'single'; readonly unwritten: readonly number[] };

/** What is only where other nodes acknowledge claims too. */
export interface Elsewhere {
  /** Resolve when claims that any node acknowledged before the call are in memory here (cluster/read-barrier.ts). */
  readonly barrier: Pick<ReadBarrier, 'all' | 'of'>;
  /** All claims of the template are in the record store. */
  isStored(templateId: number): boolean;
}

export interface Topology {
  readonly pools: Pools;
  readonly sink: ClaimSink;
  /** What the thread of `sink` is called. */
  readonly sinkThread: 'flusher' | 'cluster';
  readonly elsewhere: Elsewhere | null;

  /** Of the logs on the disk those that are read and sealed at a start. */
  logsOf(onDisk: readonly number[]): number[];
  /** For the next log of an owner. */
  nextLogId(taken: readonly number[]): number;
  /** Where a log begins of which no watermark tells. */
  logStart(disk: LogDisk, logId: number): number;
  /** Owners have rebuilt their memory, and clients may come. */
  started(): void;
  /** The way down has begun. */
  stopping(): void;

  /** Whether the owner must know of the template. */
  concerns(owner: number, view: TemplateView): boolean;
  /** Of the logs of earlier lives those that a life reads beside the record store. */
  logsToRebuildFrom(oldLogs: readonly number[]): number[];
  /** What a new life of the owner needs besides; null: nothing. */
  ownerTask(owner: number): OwnerClusterTask | null;
  /** `first`: of this process. */
  ownerReady(owner: number, first: boolean): void;
  fromOwner(owner: number, message: Exclude<FromOwner, number>): void;
  /** Units came before the news of what their codes are: it is asked for. False where there can be none. */
  askForCatalog(): boolean;

  /** Durable claims that are not in the record store yet. */
  lag(): number;
  /** With the ledger's own figures, where they are not this process's. Rejects when it cannot tell. */
  stockOf(view: TemplateView): Promise<StockFigures>;
  /** For the checker: who holds which units. */
  poolFacts(): Promise<PoolFact[]>;
  /** Where claims are that are not stored yet, if not in local logs only. */
  streamPlace(): StreamPlace | null;
  /** Null where the ledger is in this process. */
  ledgerFacts(): LedgerFacts | null;
}
