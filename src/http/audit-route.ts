/** GET /v1/audit: the checker's report on the running server. */
import type { Report } from '../audit/report.ts';
import { problem } from '../problems.ts';
import { type Route, route } from './route.ts';

/** `audit` makes a report; it rejects when none could be made, which says nothing about the claims. */
export function auditRoute(audit: () => Promise<Report>, onFailure: (error: unknown) => void): Route {
  return route({
    method: 'GET',
    path: '/v1/audit',
    access: 'operator',
    handle: async () => {
      try {
        return { status: 200, json: await audit() };
      } catch (error) {
        onFailure(error);
        return problem('unavailable', 'The audit could not be made; the server log says why.');
      }
    },
  });
}
