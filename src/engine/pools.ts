/** Who moves units between pools: the process itself (local-pools.ts) or a ledger shared with others (shared-pools.ts). */
import type { TakenUnits } from '../catalog/engine-port.ts';
import type { TemplateView } from '../claims/template-view.ts';
import type { Activity, CodeExtent } from '../domain/template.ts';

export interface Pools {
  /** Every owner has rebuilt its memory: opens the pools of all templates. */
  start(views: Iterable<TemplateView>): Promise<void>;
  /** The template is new, or was changed; `newExtent` are units it had not before. */
  templateChanged(view: TemplateView, newExtent: CodeExtent | null): Promise<void>;
  /** Makes the activity's pool one of `activity.stock` units, out of the general pool; see catalog/engine-port.ts. */
  resizeActivity(activity: Activity): Promise<TakenUnits>;
  closeActivity(activity: Activity): Promise<void>;
  /** Everything unsold goes back to where it came from. */
  stop(): Promise<void>;
}
