/** Everything operators manage and customers browse. */
import { Imports } from '../operations/imports.ts';
import type { TemplateReads } from '../operations/templates.ts';
import { activityRoutes } from './activity-routes.ts';
import { importChecks, importRoute } from './import-route.ts';
import type { Route } from './route.ts';
import { templateRoutes } from './template-routes.ts';

export function catalogRoutes(reads: TemplateReads): Route[] {
  const imports = new Imports(reads.catalog, importChecks);
  return [importRoute(imports), ...templateRoutes(reads), ...activityRoutes(reads)];
}
