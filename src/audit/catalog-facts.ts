/** What the checker needs of templates and activities. */
import type { Activity, Template } from '../domain/template.ts';
import type { ActivityFact, TemplateFact } from './facts.ts';

export function templateFact({ id, total, perUserLimit, validity }: Template): TemplateFact {
  return { templateId: id, total, perUserLimit, validity };
}

export function activityFact({ id, templateId, perUserLimit, stock, status }: Activity): ActivityFact {
  return { activityId: id, templateId, perUserLimit, stock, status };
}
