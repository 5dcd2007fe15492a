/** GET /v1/audit: the checker's report on the running server. */
import { type AuditOptions, auditReport } from '../operations/audits.ts';
import { type Route, route } from './route.ts';

export function auditRoute(options: AuditOptions): Route {
  return route({
    method: 'GET',
    path: '/v1/audit',
    access: 'operator',
    handle: async () => {
      const report = await auditReport(options);
      return report.ok ? { status: 200, json: report.value } : report.problem;
    },
  });
}
