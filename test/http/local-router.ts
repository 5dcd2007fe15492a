/** A router whose requests are answered in its own thread. */
import { RouteRunner, type RouteRunnerOptions } from '../../src/http/route-runner.ts';
import { createRouter, type Router, type RouterOptions } from '../../src/http/router.ts';

export function localRouter({ now, ...options }: RouteRunnerOptions & Omit<RouterOptions, 'relay'>): Router {
  const runner = new RouteRunner({ routes: options.routes, now, log: options.log });
  return createRouter({ ...options, relay: (request) => runner.answer(request) });
}
