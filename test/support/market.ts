/** Nodes with something to sell and a crowd before them: what fault tests begin with. */
import { expect } from 'vitest';
import { ClaimsBook, type Sale } from './book.ts';
import { destroyAll, type Node, startNodes } from './nodes.ts';
import { checkNodes } from './nodes-check.ts';
import { NodesCrowd } from './nodes-crowd.ts';
import { type Random, seeded } from './random.ts';
import { newActivity, newTemplate } from './sales.ts';
import type { Environment } from './server.ts';
import { until } from './wait.ts';

const LONG = process.env.LONG !== undefined;
/** Of the hot template, unless told otherwise: more than the crowd buys while the longest fault lasts. */
const STOCK = LONG ? 12_000 : 600;
const REST_MS = LONG ? 8 : 144;
/** A crowd this much smaller has won as much of what there is when it has won so much less. */
const SHARE = LONG ? 1 : 1 / 6;

export interface MarketOptions {
  /** How many to start, with `env`, or those that run already and go on running. */
  readonly nodes?: number | readonly Node[];
  readonly env?: Environment;
  readonly mysqlUrl: string;
  /** Of the hot template; the other one has half of it. */
  readonly stock?: number;
}

export class Market {
  readonly random: Random;
  readonly book = new ClaimsBook();
  readonly nodes: readonly Node[];
  readonly mysqlUrl: string;
  sales: Sale[] = [];
  crowd!: NodesCrowd;
  private readonly isOwner: boolean;

  private constructor(nodes: readonly Node[], mysqlUrl: string, isOwner: boolean) {
    this.random = seeded(expect.getState().currentTestName ?? 'market');
    this.nodes = nodes;
    this.mysqlUrl = mysqlUrl;
    this.isOwner = isOwner;
  }

  /** With the crowd there already: a hot template, one with a higher limit, and an activity of it. */
  static async open({ nodes = 1, env = {}, mysqlUrl, stock = STOCK }: MarketOptions): Promise<Market> {
    const isOwner = typeof nodes === 'number';
    const market = new Market(isOwner ? await startNodes(nodes, env) : nodes, mysqlUrl, isOwner);
    try {
      const { server } = market.node;
      const one = await newTemplate(server, { stock, partitions: 4 });
      const many = await newTemplate(server, { stock: stock / 2, perUserLimit: 3 });
      const activity = await newActivity(server, many, { stock: stock / 4, perUserLimit: 2 });
      market.sales = [one, many, activity];
      for (const { templateId } of [one, many]) await market.onSaleEverywhere(`/v1/templates/${templateId}`);
      await market.onSaleEverywhere(`/v1/activities/${activity.activityId}`);
      const { book, random, sales } = market;
      const options = { users: 20_000, connections: Math.ceil(8 / market.nodes.length), restMs: REST_MS };
      market.crowd = new NodesCrowd({ doors: market.nodes, book, random, sales, ...options });
      return market;
    } catch (error) {
      await market.destroy();
      throw error;
    }
  }

  /** The first of them. */
  get node(): Node {
    return this.nodes[0];
  }

  /** Resolves when every node sells it. */
  private async onSaleEverywhere(route: string): Promise<void> {
    for (const node of this.nodes) await until(() => node.isOnSale(route), `${route} at every node`);
  }

  /** Resolves when so many more claims were won; of a small crowd its share. */
  async wins(more: number, patienceMs?: number): Promise<void> {
    const enough = this.book.count('claimed') + Math.ceil(more * SHARE);
    await until(() => this.book.count('claimed') >= enough, `${more} more claims are won`, patienceMs);
  }

  /** Resolves when so many more claims were won at this node. */
  async winsAt(at: number, more: number, patienceMs?: number): Promise<void> {
    const enough = this.crowd.won[at]! + Math.ceil(more * SHARE);
    await until(() => this.crowd.won[at]! >= enough, `${more} more claims are won at node ${at}`, patienceMs);
  }

  /** Every node is well again and sells; then the crowd goes, the rest is sold, and the books are compared. */
  async close(nodes: readonly Node[] = this.nodes): Promise<void> {
    for (const node of nodes) await node.healthy();
    for (const node of nodes) await this.winsAt(this.nodes.indexOf(node), 30, 30_000);
    await this.crowd.stop();
    await checkNodes(nodes, this.mysqlUrl, this.book, this.sales, this.random);
  }

  /** Its own nodes are gone afterwards; others are without its crowd. */
  async destroy(): Promise<void> {
    if (this.isOwner) await destroyAll(this.nodes);
    else await this.crowd?.stop();
  }
}
