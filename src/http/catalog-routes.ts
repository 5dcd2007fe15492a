/** Everything operators manage and customers browse. */
import { type ActivityRoutesOptions, activityRoutes } from './activity-routes.ts';
import type { Route } from './route.ts';
import { type TemplateRoutesOptions, templateRoutes } from './template-routes.ts';

export interface CatalogRoutesOptions extends ActivityRoutesOptions, Pick<TemplateRoutesOptions, 'stockOf'> {
  /** Units still to be claimed from the template's general pool (activityId 0) or from an activity. */
  readonly remaining: (templateId: number, activityId: number) => number | Promise<number>;
}

export function catalogRoutes({ catalog, stockOf, remaining }: CatalogRoutesOptions): Route[] {
  const ofTemplate = (templateId: number) => remaining(templateId, 0);
  return [
    ...templateRoutes({ catalog, stockOf, remaining: ofTemplate }),
    ...activityRoutes({ catalog, remaining }),
  ];
}
