/**
 * The rules that always hold, as one pure function over facts. The simulation, the audit of a live server and that of
 * a stopped one's directory all end here; they differ only in where they get their facts.
 */
import type { Activity, Template } from '../domain/template.ts';
import { checkAccounting } from './check-accounting.ts';
import { checkCatalog } from './check-catalog.ts';
import { checkLimits } from './check-limits.ts';
import { LifeCheck } from './check-lives.ts';
import { RowCheck } from './check-rows.ts';
import { type Claims, checkFlushed, checkUnits } from './check-units.ts';
import { UsableLimitCheck } from './check-usable-limits.ts';
import type { Facts, LogFact, RowFact } from './facts.ts';
import type { LifeFacts } from './life-facts.ts';
import { type CheckReport, Findings, type Report } from './report.ts';

/** Everything but the rows, and what became of their coupons, is in memory. */
export type StoredFacts = Omit<Facts, 'rows'> & {
  readonly rows: AsyncIterable<readonly RowFact[]>;
  readonly lives: LifeFacts & StoredCatalog;
};

/** As the record store has it, at the moment of its rows. */
export interface StoredCatalog {
  templates(): Promise<Template[]>;
  activities(): Promise<Activity[]>;
}

/** Of coupons that were claimed and no more. */
export function check(facts: Facts): Report {
  const { rowCheck, usable, finish } = checkAllButRows(facts);
  const lifeCheck = new LifeCheck(usable);
  for (const row of facts.rows ?? []) {
    rowCheck.add(row);
    lifeCheck.addPlain(row);
  }
  return finish(facts.rows !== null, lifeCheck.reports());
}

/** Of rows that come in pages from a record store, with what became of them there. */
export async function checkStored(facts: StoredFacts): Promise<Report> {
  const { claims, rowCheck, usable, finish } = checkAllButRows(facts);
  const lifeCheck = new LifeCheck(usable);
  await lifeCheck.open(facts.lives);
  for await (const page of facts.rows) {
    for (const row of page) rowCheck.add(row);
    await lifeCheck.addRows(page);
  }
  const catalog = await checkCatalog({
    templates: await facts.lives.templates(),
    activities: await facts.lives.activities(),
    events: facts.lives.catalogEvents(),
    subjects: facts.lives.subjects(),
    claimedIn: (templateId, activityId) =>
      claims.templates.get(templateId)?.claimedByActivity.get(activityId) ?? 0,
  });
  return finish(true, [...(await lifeCheck.finish()), catalog]);
}

function checkAllButRows(facts: Omit<Facts, 'rows'>): {
  claims: Claims;
  rowCheck: RowCheck;
  usable: UsableLimitCheck;
  finish: (hadRows: boolean, lives: readonly CheckReport[]) => Report;
} {
  const units = new Findings('units');
  const accounting = new Findings('accounting');
  const limits = new Findings('limits');
  const activities = new Findings('activities');
  const rows = new Findings('rows');
  const codes = new Findings('codes');
  const watermarks = new Findings('watermarks');

  const claims = checkUnits(facts, units);
  if (facts.ledger !== null) checkAccounting(claims, facts.ledger, accounting);
  const usable = new UsableLimitCheck();
  checkLimits(claims, limits, activities, usable);
  const rowCheck = new RowCheck(claims, facts.codes, rows, codes);

  const finish = (hadRows: boolean, lives: readonly CheckReport[]): Report => {
    if (hadRows || facts.codes !== null) rowCheck.finish(hadRows);
    // Without rows nobody knows which coupons count.
    if (hadRows) usable.finish(limits);
    for (const log of facts.logs) checkLog(log, watermarks);
    if (facts.flushed !== undefined) checkFlushed(facts.flushed, claims, watermarks);
    const checks = [
      ...[units, accounting, limits, activities, rows, codes, watermarks].map((found) => found.report()),
      ...lives,
    ];
    return { ok: checks.every(({ ok }) => ok), checks };
  };
  return { claims, rowCheck, usable, finish };
}

function checkLog({ logId, watermark, first, end, damage }: LogFact, found: Findings): void {
  found.checked++;
  if (damage !== null) found.problem(() => `log ${logId}: ${damage}`);
  if (end !== null && watermark > end) {
    found.problem(() => `log ${logId}: the watermark ${watermark} is beyond its end ${end}`);
  }
  if (first !== null && watermark < first) {
    found.problem(() => `log ${logId}: begins at ${first}, but the records have it only up to ${watermark}`);
  }
}
