/** Some nodes, one ledger, one record store, virtual time, and what must hold between them. */
import assert from 'node:assert/strict';
import { shardOf } from '../../src/ports-ledger.ts';
import { template } from '../records/samples.ts';
import { MemoryClusterStore } from './memory-cluster-store.ts';
import { ModelServer } from './model-ledger.ts';
import { extentOf } from './test-catalog.ts';
import { TestNode } from './test-node.ts';
import { VirtualClock } from './virtual-clock.ts';

/** In shards 1 and 2. */
export const TEMPLATES = [1, 2] as const;
export const STOCK = 200;

export class TestCluster {
  readonly clock = new VirtualClock();
  readonly store = new MemoryClusterStore(() => this.clock.nowMs());
  readonly server = new ModelServer(this.clock);
  readonly nodes: TestNode[];
  /** Claims that were acknowledged: template/serial → user. */
  readonly acknowledged = new Map<string, number>();
  private nextUser = 1;

  constructor(nodeIds: readonly string[]) {
    for (const id of TEMPLATES) {
      this.store.templateList.push(template({ id, name: `T${id}`, total: STOCK }));
      this.store.extentList.push(extentOf(id, STOCK));
    }
    this.nodes = nodeIds.map((nodeId) => new TestNode(this, nodeId));
  }

  static async open(...nodeIds: string[]): Promise<TestCluster> {
    const cluster = new TestCluster(nodeIds);
    for (const node of cluster.nodes) node.start();
    await cluster.allOpen();
    return cluster;
  }

  dispose(): void {
    for (const node of this.nodes) node.dispose();
  }

  async allOpen(nodes: readonly TestNode[] = this.nodes): Promise<void> {
    await this.clock.until(
      () => nodes.every((node) => TEMPLATES.every((id) => node.isOpen(shardOf(id)))),
      'all shards open on all nodes',
    );
  }

  /** New users claim at a node; → how many got a coupon. */
  sell(node: TestNode, count: number): number {
    let sold = 0;
    for (let i = 0; i < count; i++) {
      const templateId = TEMPLATES[i % TEMPLATES.length];
      const user = this.nextUser++;
      const serial = node.claim(templateId, user);
      if (serial === null) continue;
      this.acknowledged.set(`${templateId}/${serial}`, user);
      sold++;
    }
    return sold;
  }

  followAll(): void {
    for (const node of this.nodes) node.followAll();
  }

  /** Lets everything be flushed, then: every acknowledged claim is a row, in a block, in the memory of every open node. */
  async assertSound(nodes: readonly TestNode[] = this.nodes): Promise<void> {
    await this.clock.pass(5_000);
    for (const node of nodes) node.followAll();
    for (const [unit, user] of this.acknowledged) {
      const row = this.store.rows.get(unit);
      assert(row !== undefined, `${unit} was acknowledged and is not stored`);
      assert.equal(new Uint32Array(row.slice().buffer)[2], user, `${unit} has another holder`);
      for (const node of nodes) assert(node.memory.has(unit), `${node.nodeId} does not know ${unit}`);
    }
    const blocked = this.store.blocks.reduce((sum, { entries }) => sum + entries.length / 40, 0);
    assert.equal(blocked, this.store.rows.size, 'each row stands in one block');
    for (const model of this.server.models) model.assertUnits();
    for (const node of nodes) assert.deepEqual(node.fatal, []);
  }
}
