/** The audit of a stopped server's data directory. The caller holds its lock; without one the report may be wrong. */
import path from 'node:path';
import { fileDisk } from '../claimlog/disk.ts';
import { logRoot } from '../claimlog/segment.ts';
import { activityFact, templateFact } from './catalog-facts.ts';
import { check } from './checker.ts';
import { codeRules } from './code-rules.ts';
import { collectLogs, keptBelowWatermarks } from './collect-logs.ts';
import { StoreReader } from './collect-store.ts';
import type { Report } from './report.ts';

/** Throws when the directory holds no record store, or one that cannot be read. */
export function offlineAudit(dataDir: string, codeKey: Uint8Array): Report {
  const root = logRoot(dataDir);
  const store = new StoreReader(path.join(dataDir, 'records.db'));
  try {
    const { logs, beyond } = collectLogs(fileDisk, root, store.watermarks(), () => null);
    return check({
      templates: store.templates().map(templateFact),
      activities: store.activities().map(activityFact),
      blocks: store.blocks(),
      log: beyond,
      flushed: keptBelowWatermarks(fileDisk, root, logs),
      rows: store.rows(),
      ledger: null,
      logs,
      codes: codeRules(store, codeKey, store.extents()),
    });
  } finally {
    store.close();
  }
}
