/** Template views as the engine makes them, with tables that the test writes as an owner would. */
import { partitionOf } from '../../src/actors/placement.ts';
import { rulesOf } from '../../src/actors/rules.ts';
import { UserTable } from '../../src/actors/user-table.ts';
import { TemplateView } from '../../src/claims/template-view.ts';
import type { Activity, Template } from '../../src/domain/template.ts';
import { template } from '../records/samples.ts';

export const SPACE = '0703101112';

export class Shelf {
  readonly view: TemplateView;
  readonly tables: UserTable[];

  constructor(changes: Partial<Template> = {}, activities: readonly Activity[] = [], owners = 1) {
    const one = template({ id: 3, ...changes });
    this.view = new TemplateView(one, activities, rulesOf(one, activities), owners);
    this.view.units.grow(one.total);
    this.view.extents.push({
      templateId: one.id,
      firstSerial: 0,
      length: one.total,
      space: SPACE,
      offset: 0,
    });
    this.tables = this.view.actors.map(() => UserTable.create(one.total));
    this.tables.forEach((table, partition) => {
      this.view.actors[partition].users = UserTable.attach(table.buffers);
      table.onSegment = (index, buffer) => this.view.actors[partition].users!.replaceSegment(index, buffer);
      for (const pool of this.view.pools.values())
        pool.claimed[partition] = new Int32Array(new SharedArrayBuffer(4));
    });
  }

  /** Decided, not durable. */
  take(serial: number, lo: number, hi = 0, activityId = 0, keyLo = 0): void {
    const table = this.tables[partitionOf(lo, hi, this.tables.length)];
    this.view.units.setCode(serial, serial, 0);
    this.view.units.describe(serial, table.newest(lo, hi), activityId, keyLo, 0);
    table.put(lo, hi, serial);
  }

  /** Durable. */
  settle(serial: number, lo: number, hi = 0, activityId = 0, atMs = 1000): void {
    this.view.units.publish(serial, atMs);
    const partition = partitionOf(lo, hi, this.tables.length);
    Atomics.add(this.view.pools.get(activityId)!.claimed[partition]!, 0, 1);
  }

  sell(serial: number, lo: number, hi = 0, activityId = 0, atMs = 1000): void {
    this.take(serial, lo, hi, activityId);
    this.settle(serial, lo, hi, activityId, atMs);
  }
}
