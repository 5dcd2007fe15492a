/** What the checker needs of templates and activities. */
import type { Activity, Template } from '../domain/template.ts';
import type { ActivityFact, TemplateFact } from './facts.ts';

export function templateFact({ id, total, perUserLimit, limitCounts, validity }: Template): TemplateFact {
  return { templateId: id, total, perUserLimit, countsUsable: limitCounts === 'usable', validity };
}

export function activityFact(activity: Activity): ActivityFact {
  const { id, templateId, perUserLimit, stock, askedStock = 0 } = activity;
  return {
    activityId: id,
    templateId,
    perUserLimit,
    // Units it is being given may be there, and sold, already.
    stock: Math.max(stock, askedStock),
    status: activity.status === 'active' ? 'active' : 'stopped',
  };
}
