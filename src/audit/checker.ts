/**
 * The rules that always hold, as one pure function over facts. The simulation, the audit of a live server and that of
 * a stopped one's directory all end here; they differ only in where they get their facts.
 */
import { checkAccounting } from './check-accounting.ts';
import { checkLimits } from './check-limits.ts';
import { RowCheck } from './check-rows.ts';
import { checkFlushed, checkUnits } from './check-units.ts';
import type { Facts, LogFact, RowFact } from './facts.ts';
import { Findings, type Report } from './report.ts';

/** Everything but the rows is in memory. */
export type StoredFacts = Omit<Facts, 'rows'> & { readonly rows: AsyncIterable<readonly RowFact[]> };

export function check(facts: Facts): Report {
  const { rowCheck, finish } = checkAllButRows(facts);
  for (const row of facts.rows ?? []) rowCheck.add(row);
  return finish(facts.rows !== null);
}

/** The same, of rows that come in pages from a record store. */
export async function checkStored(facts: StoredFacts): Promise<Report> {
  const { rowCheck, finish } = checkAllButRows(facts);
  for await (const page of facts.rows) for (const row of page) rowCheck.add(row);
  return finish(true);
}

function checkAllButRows(facts: Omit<Facts, 'rows'>): {
  rowCheck: RowCheck;
  finish: (hadRows: boolean) => Report;
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
  checkLimits(claims, limits, activities);
  const rowCheck = new RowCheck(claims, facts.codes, rows, codes);

  const finish = (hadRows: boolean): Report => {
    if (hadRows || facts.codes !== null) rowCheck.finish(hadRows);
    for (const log of facts.logs) checkLog(log, watermarks);
    if (facts.flushed !== undefined) checkFlushed(facts.flushed, claims, watermarks);
    const checks = [units, accounting, limits, activities, rows, codes, watermarks].map((found) =>
      found.report(),
    );
    return { ok: checks.every(({ ok }) => ok), checks };
  };
  return { rowCheck, finish };
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
