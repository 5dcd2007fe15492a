/**
 * The claim paths as the router must know them. Their POST is taken by ClaimRoutes before the router sees it; what
 * else comes there is the router's: a browser's preflight, and 405 for other methods.
 */
import { type Route, route } from './route.ts';

export const CLAIM_PATHS: readonly Route[] = [
  '/v1/templates/:templateId/claims',
  '/v1/activities/:activityId/claims',
].map((path) =>
  route({
    method: 'POST',
    path,
    access: 'user',
    handle: () => Promise.reject(new Error('claims have a handler of their own')),
  }),
);
