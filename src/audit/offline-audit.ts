/** The audit of a stopped server's data directory. The caller holds its lock; without one the report may be wrong. */
import path from 'node:path';
import { fileDisk } from '../claimlog/disk.ts';
import { logRoot } from '../claimlog/segment.ts';
import { activityFact, templateFact } from './catalog-facts.ts';
import { checkStored } from './checker.ts';
import { codeRules } from './code-rules.ts';
import { collectLogs, keptBelowWatermarks } from './collect-logs.ts';
import { openStoreFacts } from './open-store.ts';
import type { Report } from './report.ts';

/** `mysqlUrl` null: the records are in the directory too. Throws when there is no record store, or an unreadable one. */
export async function offlineAudit(
  dataDir: string,
  codeKey: Uint8Array,
  mysqlUrl: string | null = null,
): Promise<Report> {
  const root = logRoot(dataDir);
  const place = mysqlUrl === null ? { storeFile: path.join(dataDir, 'records.db') } : { mysqlUrl };
  const store = await openStoreFacts(place);
  try {
    const { logs, beyond } = collectLogs(fileDisk, root, await store.watermarks(), () => null);
    return await checkStored({
      templates: (await store.templates()).map(templateFact),
      activities: (await store.activities()).map(activityFact),
      blocks: await store.blocks(),
      log: beyond,
      flushed: keptBelowWatermarks(fileDisk, root, logs),
      rows: store.rows(),
      lives: store,
      ledger: null,
      logs,
      codes: await codeRules(store, codeKey, await store.extents()),
    });
  } finally {
    await store.close();
  }
}
