/**
 * Audits of a running server, as main sees them: one at a time, whoever asks meanwhile gets the same report.
 *
 * Main changes pools and catalog in more than one step (a sale that is being resized has its units before its new
 * stock is saved). A look in between may see what is not there, so a report with problems is made once more; what is
 * really wrong is still wrong then.
 */
import { setTimeout as pause, setImmediate } from 'node:timers/promises';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import type { AuditTask, LedgerFacts, LiveLog, StreamPlace } from '../workers/audit-entry.ts';
import { entryUrl } from '../workers/entry-url.ts';
import { activityFact, templateFact } from './catalog-facts.ts';
import type { PoolFact } from './facts.ts';
import type { StorePlace } from './open-store.ts';
import type { Report } from './report.ts';

const SECOND_LOOK_MS = 500;

export interface LedgerSnapshot {
  /** Templates that have pools in the ledger, with their activities and code extents. */
  readonly templates: readonly Template[];
  readonly activities: readonly Activity[];
  readonly extents: readonly CodeExtent[];
  readonly pools: readonly PoolFact[];
}

export type LiveAuditOptions = StorePlace & {
  readonly logRoot: string;
  readonly codeKey: Uint8Array;
  /** Logs that owners are writing now. */
  readonly liveLogs: () => readonly LiveLog[];
  /** All of it at one moment, without waiting for anything. */
  /** In a cluster: where the claims are that the record store does not have yet. */
  readonly streams?: () => StreamPlace | null;
  readonly snapshot: () => LedgerSnapshot | Promise<LedgerSnapshot>;
  /** Runs the task of workers/audit-entry.ts; on a thread of its own unless told otherwise. */
  readonly run?: (task: AuditTask) => Promise<Report>;
};

/** The function returned makes a report. It rejects when the audit could not be made, which says nothing about claims. */
export function liveAudit(options: LiveAuditOptions): () => Promise<Report> {
  let running: Promise<Report> | null = null;
  return () => {
    running ??= auditTwice(options).finally(() => {
      running = null;
    });
    return running;
  };
}

async function auditTwice(options: LiveAuditOptions): Promise<Report> {
  const first = await auditOnce(options).catch((error: unknown) => error as Error);
  if (!(first instanceof Error) && first.ok) return first;
  await pause(SECOND_LOOK_MS);
  return auditOnce(options);
}

async function auditOnce(options: LiveAuditOptions): Promise<Report> {
  const { logRoot, codeKey, liveLogs, snapshot, run = runOnThread } = options;
  const { port1, port2 } = new MessageChannel();
  port1.on('message', () => void answer(port1, snapshot));
  try {
    const streams = options.streams?.() ?? null;
    return await run({ store: placeOf(options), logRoot, codeKey, live: liveLogs(), streams, port: port2 });
  } finally {
    port1.close();
  }
}

/** Alone: the functions among the options cannot be sent to a thread. */
function placeOf(options: LiveAuditOptions): StorePlace {
  return 'mysqlUrl' in options ? { mysqlUrl: options.mysqlUrl } : { storeFile: options.storeFile };
}

/** Without an answer the audit fails: there is none while the ledger cannot be asked. */
async function answer(port: MessagePort, snapshot: LiveAuditOptions['snapshot']): Promise<void> {
  // Units on their way from one pool to another are in neither until the promises between have settled.
  await setImmediate();
  const seen = await Promise.resolve(snapshot()).catch(() => null);
  if (seen === null) {
    port.close();
    return;
  }
  const { templates, activities, extents, pools } = seen;
  const facts: LedgerFacts = {
    templates: templates.map(templateFact),
    activities: activities.map(activityFact),
    extents,
    pools,
  };
  port.postMessage(facts);
}

/** A thread for this one audit: there are few, and its memory goes with it. */
async function runOnThread(task: AuditTask): Promise<Report> {
  const pool = new Piscina({
    filename: entryUrl('audit').href,
    maxThreads: 1,
    atomics: 'disabled',
  });
  try {
    return await pool.run(task, { name: 'audit', transferList: [task.port] });
  } finally {
    await pool.destroy();
  }
}
