/** What the catalog changes, carried to whoever must know before anybody is told that it is made. */
import type { CatalogEngine, TakenUnits } from '../catalog/engine-port.ts';
import type { TemplateView } from '../claims/template-view.ts';
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import type { InForce } from './in-force.ts';
import type { Owners } from './owners.ts';
import type { Templates } from './templates.ts';
import type { Topology } from './topology.ts';

export class CatalogChanges implements CatalogEngine {
  private readonly templates: Templates;
  private readonly topology: Topology;
  private readonly owners: Owners;
  private readonly inForce: InForce;

  constructor(templates: Templates, topology: Topology, owners: Owners, inForce: InForce) {
    this.templates = templates;
    this.topology = topology;
    this.owners = owners;
    this.inForce = inForce;
  }

  async templateChanged(
    template: Template,
    activities: readonly Activity[],
    newExtent: CodeExtent | null,
  ): Promise<void> {
    const known = this.templates.get(template.id);
    // A change that is told twice brings its extent twice.
    const repeated =
      known?.extents.some(({ firstSerial }) => firstSerial === newExtent?.firstSerial) ?? false;
    const extent = repeated ? null : newExtent;
    const buffersBefore = known?.units.buffers.length ?? 0;
    const view = this.templates.take(template, activities);
    if (extent !== null) {
      view.extents.push(extent);
      this.topology.sink.extent(extent);
    }
    if (known !== undefined) this.owners.unitsAdded(view, buffersBefore);
    this.owners.templateChanged(view);
    if (extent !== null) this.inForce.fresh({ templateId: template.id, activityId: 0 });
    await this.topology.pools.templateChanged(view, extent);
    await this.confirmed(view);
    if (newExtent !== null) view.readyUnits = Math.max(view.readyUnits, view.placed);
  }

  openActivity(activity: Activity): Promise<TakenUnits> {
    return this.resizeActivity(activity);
  }

  async resizeActivity(activity: Activity): Promise<TakenUnits> {
    const { id: activityId, templateId } = activity;
    const taken = await this.topology.pools.resizeActivity(activity);
    // Owners hear of the pool once the activity is stored: `templateChanged` follows.
    if (taken.ok) this.inForce.fresh({ templateId, activityId });
    return taken;
  }

  async closeActivity(activity: Activity): Promise<void> {
    const { id: activityId, templateId } = activity;
    this.inForce.stale({ templateId, activityId });
    await this.topology.pools.closeActivity(activity);
    await this.confirmed(this.templates.get(templateId)!);
  }

  private confirmed(view: TemplateView): Promise<void> {
    return this.inForce.confirmed(view, this.owners.concernedBy(view));
  }
}
