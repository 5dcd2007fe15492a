/** Everything there is, as the checker of `doorbuster audit` wants to be told it. */

import { check } from '../../src/audit/checker.ts';
import type { Facts, LogFact, PoolFact, RowFact } from '../../src/audit/facts.ts';
import { blankEntry, ENTRY_WORDS, readEntry } from '../../src/claimlog/entry.ts';
import { scanLog } from '../../src/claimlog/log-scan.ts';
import { listLogs, listSegments } from '../../src/claimlog/segment.ts';
import { userIdText } from '../../src/domain/user-id.ts';
import { simCodes } from './catalog.ts';
import { LOG_ROOT } from './log-root.ts';
import type { World } from './world.ts';

export function factsOf(world: World, withLedger: boolean, withRows: boolean): Facts {
  const { disk, store, process } = world;
  const log: Uint8Array[] = [];
  const logs: LogFact[] = [];
  for (const logId of listLogs(disk, LOG_ROOT)) {
    const watermark = store.watermark(logId);
    const scan = scanLog(disk, LOG_ROOT, logId, watermark, (words, at, count) => {
      log.push(new Uint8Array(words.slice(at, at + count * ENTRY_WORDS).buffer));
    });
    const life = process?.lives.find((other) => other?.plan.logId === logId);
    const first = listSegments(disk, LOG_ROOT, logId)[0] ?? null;
    const end = life?.log?.synced ?? scan.end;
    logs.push({ logId, watermark, first, end: first === null ? null : end, damage: null });
  }
  return {
    templates: world.templates.map(({ id, total, perUserLimit }) => ({
      templateId: id,
      total,
      perUserLimit,
    })),
    activities: world.templates.flatMap(({ id: templateId, activities }) =>
      activities.map(({ id, stock, perUserLimit, status }) => ({
        activityId: id,
        templateId,
        perUserLimit,
        stock: status === 'unopened' ? 0 : stock,
        status: status === 'active' ? ('active' as const) : ('stopped' as const),
      })),
    ),
    blocks: store.blocks,
    log,
    rows: withRows ? rowsOf(world) : null,
    ledger: withLedger ? poolsOf(world) : null,
    logs,
    codes: withRows ? simCodes : null,
  };
}

function poolsOf({ process }: World): PoolFact[] {
  const { ledger } = process!.desk;
  return ledger.snapshot().map(({ ref, free, leases }) => {
    const pool = process!.desk.pool(ref)!;
    return { ref, free, leases, bare: [...pool.bare.list(), ...pool.filling] };
  });
}

function rowsOf({ store }: World): RowFact[] {
  const entry = blankEntry();
  return [...store.rows]
    .sort(([a], [b]) => a - b)
    .map(([couponId, { words, at }]) => {
      const { templateId, activityId, code, claimedAtMs, userLo, userHi } = readEntry(words, at, entry);
      const userId = userIdText(userLo, userHi);
      return { couponId, userId, templateId, activityId, code: String(code), claimedAtMs };
    });
}

/** Asserts the checker's invariants and every promise. */
export function assertFacts(world: World, withLedger: boolean, withRows: boolean, when: string): void {
  const facts = factsOf(world, withLedger, withRows);
  const report = check(facts);
  if (!report.ok) {
    const problems = report.checks.flatMap(({ name, problems: told }) =>
      told.map((text) => `${name}: ${text}`),
    );
    throw new Error(`${when}: ${problems.slice(0, 3).join('; ')}`);
  }
  world.oracle.checkKept(facts, when);
}
