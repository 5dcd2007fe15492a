/** A template as the main thread has it, and what owners and the ledger are told of it. */
import { ownerOf } from '../../src/actors/placement.ts';
import { UnitTable } from '../../src/actors/unit-table.ts';
import type { UserTable } from '../../src/actors/user-table.ts';
import { claimedIn, unclaimedRanges } from '../../src/engine/unclaimed.ts';
import { SerialSet } from '../../src/ledger/serial-set.ts';
import type { SimTemplate } from './catalog.ts';
import type { OwnedTemplate } from './owner-start.ts';
import type { Process } from './process.ts';
import type { StockDesk } from './stock-desk.ts';
import type { World } from './world.ts';

export interface View {
  readonly template: SimTemplate;
  readonly units: UnitTable;
  /** Per partition: the table of the last owner that was ready. */
  readonly users: (UserTable | null)[];
}

export function viewOf(template: SimTemplate): View {
  const units = new UnitTable([]);
  units.grow(template.total);
  return { template, units, users: new Array<UserTable | null>(template.partitions).fill(null) };
}

export function isPlacedOn({ owners }: World, { id, partitions }: SimTemplate, index: number): boolean {
  for (let p = 0; p < partitions; p++) if (ownerOf(id, p, owners) === index) return true;
  return false;
}

export function owned({ views }: Process, template: SimTemplate): OwnedTemplate {
  const { buffers } = views.get(template.id)!.units;
  return { rules: template.rules(), total: template.total, units: [...buffers] };
}

/** Computes a template's pools from what is claimed: each active activity gets what is left of its stock. */
export function openPools(desk: StockDesk, { template, units }: View): void {
  const { id: templateId, total } = template;
  const unclaimed = new SerialSet(unclaimedRanges(units, 0, total));
  for (const { id, status, stock } of template.activities) {
    if (status !== 'active') continue;
    const claimed = claimedIn(units, 0, total, id);
    desk.openPool({ templateId, activityId: id }, unclaimed.take(stock - claimed), [], claimed);
  }
  desk.openPool({ templateId, activityId: 0 }, unclaimed.list(), [], claimedIn(units, 0, total, 0));
}

/** A template's rules, or its stock, changed. */
export function tellOwners(process: Process, template: SimTemplate): void {
  const added = process.views.get(template.id)!.units.grow(template.total);
  const told = owned(process, template);
  for (let i = 0; i < process.world.owners; i++) {
    if (!isPlacedOn(process.world, template, i)) continue;
    (process.lives[i] ?? process.rebuilding[i])?.changeTemplate(told, added);
  }
}
