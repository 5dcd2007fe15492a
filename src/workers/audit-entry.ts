/**
 * The audit of a server that is selling, on a thread of its own.
 *
 * Claims are read first (records in one transaction, then the logs beyond its watermarks), the ledger afterwards. So
 * a claim that was read can never be free in the ledger. A unit that is in neither was claimed in between and reported
 * as sold: its claim is in a log by now, synced or not, and is fetched from there.
 */
import type { MessagePort } from 'node:worker_threads';
import { forEachLost, heldIn } from '../audit/check-accounting.ts';
import { checkUnits } from '../audit/check-units.ts';
import { checkStored } from '../audit/checker.ts';
import { codeRules } from '../audit/code-rules.ts';
import { claimsSince, collectLogs, keptBelowWatermarks } from '../audit/collect-logs.ts';
import { StreamCollector } from '../audit/collect-streams.ts';
import type { ActivityFact, Facts, PoolFact, TemplateFact } from '../audit/facts.ts';
import { openStoreFacts, type StorePlace } from '../audit/open-store.ts';
import { Findings, type Report } from '../audit/report.ts';
import { fileDisk } from '../claimlog/disk.ts';
import { ENTRY_BYTES } from '../claimlog/entry.ts';
import type { CodeExtent } from '../domain/template.ts';
import { SerialSet } from '../ledger/serial-set.ts';
import type { ShardStamp } from '../ports-ledger.ts';
import { LogPosition } from '../rings/layout.ts';

const REDIS_PATIENCE_MS = 2_000;

export interface LiveLog {
  readonly logId: number;
  /** rings/layout.ts, LogPosition. */
  readonly positions: SharedArrayBuffer;
}

export interface StreamPlace {
  readonly redisUrl: string;
  readonly installation: string;
  readonly shards: readonly ShardStamp[];
}

export interface AuditTask {
  readonly store: StorePlace;
  readonly logRoot: string;
  readonly codeKey: Uint8Array;
  /** Logs that owners are writing. */
  readonly live: readonly LiveLog[];
  /** In a cluster claims are in the shards' streams first; null: in the logs under `logRoot`. */
  readonly streams: StreamPlace | null;
  /** Any message on it asks main for a `LedgerFacts`, which is the answer. */
  readonly port: MessagePort;
}

/** What main knows, all of one moment. */
export interface LedgerFacts {
  readonly templates: readonly TemplateFact[];
  readonly activities: readonly ActivityFact[];
  readonly extents: readonly CodeExtent[];
  readonly pools: readonly PoolFact[];
}

export async function audit(task: AuditTask): Promise<Report> {
  return task.streams === null ? auditLogs(task) : auditStreams(task, task.streams);
}

async function auditStreams(
  task: AuditTask,
  { redisUrl, installation, shards }: StreamPlace,
): Promise<Report> {
  const { RedisShardLedger } = await import('../ledger/redis/redis-shard-ledger.ts');
  const ledger = new RedisShardLedger({ url: redisUrl, installation });
  const store = await openStoreFacts(task.store);
  try {
    await ledger.connect(REDIS_PATIENCE_MS);
    const streams = new StreamCollector(ledger, shards);
    const blocks = await store.blocks();
    const beyond = await streams.beyond(await store.watermarks());
    const { templates, activities, extents, pools } = await askLedger(task.port);
    const claims = { templates, activities, blocks, log: beyond };
    const lost = lostUnits(claims, pools);
    const late =
      lost.size === 0 ? [] : await streams.since((id, serial) => lost.get(id)?.has(serial) ?? false);
    return await checkStored({
      ...claims,
      log: [...beyond, ...late],
      flushed: [],
      rows: store.rows(),
      lives: store,
      ledger: pools,
      logs: [],
      codes: await codeRules(store, task.codeKey, extents),
    });
  } finally {
    await store.close();
    await ledger.disconnect();
    task.port.close();
  }
}

async function auditLogs(task: AuditTask): Promise<Report> {
  const store = await openStoreFacts(task.store);
  try {
    const positions = new Map(task.live.map((log) => [log.logId, new Int32Array(log.positions)]));
    const blocks = await store.blocks();
    const { logs, beyond } = collectLogs(fileDisk, task.logRoot, await store.watermarks(), (logId) => {
      const shared = positions.get(logId);
      return shared === undefined ? null : (Atomics.load(shared, LogPosition.synced) >>> 0) * ENTRY_BYTES;
    });
    const { templates, activities, extents, pools } = await askLedger(task.port);
    const claims = { templates, activities, blocks, log: beyond };
    const lost = lostUnits(claims, pools);
    const late =
      lost.size === 0
        ? []
        : claimsSince(
            fileDisk,
            task.logRoot,
            logs,
            (templateId, serial) => lost.get(templateId)?.has(serial) ?? false,
          );
    return await checkStored({
      ...claims,
      log: [...beyond, ...late],
      flushed: keptBelowWatermarks(fileDisk, task.logRoot, logs),
      rows: store.rows(),
      lives: store,
      ledger: pools,
      logs,
      codes: await codeRules(store, task.codeKey, extents),
    });
  } finally {
    await store.close();
    task.port.close();
  }
}

function askLedger(port: MessagePort): Promise<LedgerFacts> {
  return new Promise((resolve, reject) => {
    port.once('message', resolve);
    port.once('close', () => reject(new Error('the ledger was not told: the server is stopping')));
    port.postMessage('ledger');
  });
}

/** Units that are in no claim read so far and nowhere in the ledger, by template. */
function lostUnits(
  facts: Pick<Facts, 'templates' | 'activities' | 'blocks' | 'log'>,
  pools: readonly PoolFact[],
): Map<number, SerialSet> {
  const { templates } = checkUnits(facts, new Findings('units'));
  const lost = new Map<number, SerialSet>();
  for (const [templateId, units] of templates) {
    const held = pools.filter(({ ref }) => ref.templateId === templateId).flatMap(heldIn);
    held.sort((a, b) => a.from - b.from);
    const serials = new SerialSet();
    forEachLost(units, held, (from, to) => serials.add({ from, to }));
    if (serials.size > 0) lost.set(templateId, serials);
  }
  return lost;
}
