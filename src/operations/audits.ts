/** The checker's report on the running server. */
import type { Report } from '../audit/report.ts';
import { ok, type Result, refused } from '../problems.ts';

export interface AuditOptions {
  /** Rejects when no report could be made, which says nothing about the claims. */
  readonly audit: () => Promise<Report>;
  readonly onFailure: (error: unknown) => void;
}

export async function auditReport({ audit, onFailure }: AuditOptions): Promise<Result<Report>> {
  try {
    return ok(await audit());
  } catch (error) {
    onFailure(error);
    return refused('unavailable', 'The audit could not be made; the server log says why.');
  }
}
