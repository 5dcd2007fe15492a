/** Published templates as this process knows them. */
import { rulesOf } from '../actors/rules.ts';
import { TemplateView } from '../claims/template-view.ts';
import type { Activity, CodeExtent, Template } from '../domain/template.ts';

export class Templates {
  readonly views = new Map<number, TemplateView>();
  private readonly byActivity = new Map<number, TemplateView>();
  private readonly owners: number;

  constructor(owners: number) {
    this.owners = owners;
  }

  /** At a start: what the catalog has. */
  load(templates: Iterable<Template>, activities: Iterable<Activity>, extents: Iterable<CodeExtent>): void {
    const byTemplate = new Map<number, Activity[]>();
    for (const activity of activities) {
      const list = byTemplate.get(activity.templateId);
      if (list === undefined) byTemplate.set(activity.templateId, [activity]);
      else list.push(activity);
    }
    for (const template of templates) {
      if (template.publishedAtMs !== null) this.take(template, byTemplate.get(template.id) ?? []);
    }
    for (const extent of extents) this.views.get(extent.templateId)?.extents.push(extent);
  }

  get(templateId: number): TemplateView | undefined {
    return this.views.get(templateId);
  }

  ofActivity(activityId: number): TemplateView | undefined {
    return this.byActivity.get(activityId);
  }

  all(): IterableIterator<TemplateView> {
    return this.views.values();
  }

  /** It is new, or was changed. */
  take(template: Template, activities: readonly Activity[]): TemplateView {
    const rules = rulesOf(template, activities);
    let view = this.views.get(template.id);
    if (view === undefined) {
      view = new TemplateView(template, activities, rules, this.owners);
      this.views.set(template.id, view);
    } else {
      view.template = template;
      view.activities = activities;
      view.setRules(rules);
    }
    view.units.grow(template.total);
    for (const activity of activities) this.byActivity.set(activity.id, view);
    return view;
  }

  flushed(counts: readonly (readonly [number, number])[]): void {
    for (const [templateId, count] of counts) {
      const view = this.views.get(templateId);
      if (view !== undefined) view.flushed += count;
    }
  }
}
