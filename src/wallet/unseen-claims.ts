/**
 * Which users may hold coupons of a shard that this node cannot see into: a wallet that might lack one is not shown as
 * if it were whole, and every other wallet is.
 *
 * What rules a user out must hold on every node, also on one that has not heard of the last changes: limits and totals
 * are only ever raised, the end of a fixed validity is never moved, and no node claims behind it.
 */
import { ownerOf, partitionOf } from '../actors/placement.ts';
import { heldSerials } from '../claims/claim-text.ts';
import type { TemplateView } from '../claims/template-view.ts';
import type { Template } from '../domain/template.ts';
import { parseUserId } from '../domain/user-id.ts';
import { CLOCK_SKEW_MS_MAX } from '../limits.ts';
import { shardOf } from '../ports-ledger.ts';

export interface UnseenClaimsOptions {
  /** All that were stored before the call. Rejects when that cannot be told. */
  readonly templates: () => Promise<Iterable<Template>>;
  readonly view: (templateId: number) => TemplateView | undefined;
  readonly owners: number;
}

export interface ShardSeen {
  readonly completeMs: number;
  hasAll(owner: number): boolean;
}

export class UnseenClaims {
  private readonly options: UnseenClaimsOptions;

  constructor(options: UnseenClaimsOptions) {
    this.options = options;
  }

  /** Whether a claim of the user in this shard may have been acknowledged that is not in memory here. */
  async mayHold(shard: number, userId: string, seen: ShardSeen): Promise<boolean> {
    const user = new Uint32Array(2);
    if (!parseUserId(userId, user)) return false;
    for (const template of await this.options.templates()) {
      if (shardOf(template.id) !== shard || template.publishedAtMs === null) continue;
      if (!this.isWhole(template, user, seen)) return true;
    }
    return false;
  }

  /** Whether memory has every coupon of the template that the user may hold. */
  private isWhole(template: Template, [lo, hi]: Uint32Array, seen: ShardSeen): boolean {
    const partition = partitionOf(lo, hi, template.partitions);
    if (seen.hasAll(ownerOf(template.id, partition, this.options.owners))) return true;
    if ('untilMs' in template.validity && template.validity.untilMs + CLOCK_SKEW_MS_MAX < seen.completeMs)
      return true;
    const view = this.options.view(template.id);
    if (view === undefined) return false;
    if (view.claimedUnits >= template.total) return true;
    const users = view.actors[partition]?.users;
    if (users == null) return false;
    // Where a used one makes room there is no number of coupons that must be all.
    if (template.limitCounts === 'usable') return false;
    return heldSerials(view, users.newestAnyway(lo, hi)).length >= template.perUserLimit;
  }
}
