/**
 * What the catalog asks of the claim engine, and when.
 *
 * The record store is the truth: a change is stored first and told to the engine afterwards, except that units are
 * taken for an activity before it is stored as having them; what is about to be taken is stored before. So a crash at
 * any point leaves something the engine can compute again at start, from `status` and `stock` of what is stored and
 * from the claims: a template's units minus the stock of its active activities are its general pool, and the others own
 * only what was claimed in them. Where a ledger outlives the node, any node brings to its end what was asked for.
 *
 *   create an activity   stored as unopened and asked for (its id is assigned) → openActivity → stored as active
 *   enlarge an activity  stored as asked for → resizeActivity → stored
 *   stop an activity     stored as stopped → templateChanged → closeActivity
 *   change a template    stored, with its new code extent → templateChanged
 *
 * A call that rejects is made again, with the state of then, until it succeeds: each must bear repetition.
 * All calls about one template are made one after the other.
 */
import type { Activity, CodeExtent, Template } from '../domain/template.ts';

export type TakenUnits =
  | { readonly ok: true }
  /** Nothing was taken; `available` units of the template's general pool are unsold. */
  | { readonly ok: false; readonly available: number };

export interface CatalogEngine {
  /**
   * A template that has been published at some time was changed (windows, limits, stock, status, audience), or one of
   * its activities was. `activities` are all it ever had. Resolves once every owner of this node knows.
   */
  templateChanged(
    template: Template,
    activities: readonly Activity[],
    newExtent: CodeExtent | null,
  ): Promise<void>;
  /** Takes `activity.stock` units out of the general pool, recalling leases where needed, and opens its pool. */
  openActivity(activity: Activity, template: Template): Promise<TakenUnits>;
  /** Makes the pool of an open activity `activity.stock` units instead of `stockBefore`; smaller only to undo. */
  resizeActivity(activity: Activity, stockBefore: number, template: Template): Promise<TakenUnits>;
  /** Closes its pool: claims are refused from now on and unsold units return to the general pool. */
  closeActivity(activity: Activity, template: Template): Promise<void>;
}
