import { expect, test } from 'vitest';
import { auditReport } from '../../src/operations/audits.ts';

test('a report that finds faults is a report; one that cannot be made is unavailable, and the log says why', async () => {
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => failures.push(error);
  const report = { ok: false, checks: [] };
  expect(await auditReport({ audit: async () => report, onFailure })).toEqual({ ok: true, value: report });
  expect(failures).toEqual([]);
  const error = new Error('the ledger is away');
  expect(await auditReport({ audit: () => Promise.reject(error), onFailure })).toMatchObject({
    ok: false,
    problem: { code: 'unavailable' },
  });
  expect(failures).toEqual([error]);
});
