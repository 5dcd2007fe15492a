/** A server with coupons to claim, and those who call it: users and the order system through the gateway, operators. */
import { newDatabase } from '../services/mysql.ts';
import { Node, sharedStores, singleEnv } from './nodes.ts';
import { templateBody } from './sales.ts';
import type { Server } from './server.ts';
import { GATEWAY_KEY, Till } from './till.ts';

export const PROFILES = ['embedded', 'single'] as const;
export type Profile = (typeof PROFILES)[number];

export interface Line {
  readonly goodsId: string;
  readonly categoryIds?: readonly string[];
  readonly price: number;
  readonly quantity: number;
}

export function line(goodsId: string, price: number, quantity = 1): Line {
  return { goodsId, price, quantity };
}

export class Shop extends Till {
  readonly node: Node;
  /** Of the database; null where it is a file. */
  readonly mysqlUrl: string | null;
  private readonly drop: () => Promise<void>;
  private users = 1_000;

  private constructor(node: Node, mysqlUrl: string | null, drop: () => Promise<void>) {
    super(() => node.port);
    this.node = node;
    this.mysqlUrl = mysqlUrl;
    this.drop = drop;
  }

  static async open(profile: Profile, env: Record<string, string> = {}): Promise<Shop> {
    const database = profile === 'single' ? await newDatabase() : null;
    const stores = database === null ? {} : singleEnv(sharedStores(database));
    const node = new Node({ ...stores, GATEWAY_KEY, ...env });
    const shop = new Shop(node, database?.url ?? null, async () => database?.drop());
    try {
      await node.start();
      return shop;
    } catch (error) {
      await shop.close();
      throw error;
    }
  }

  get server(): Server {
    return this.node.server;
  }

  async close(): Promise<void> {
    this.closeConnections();
    await this.node.destroy();
    await this.drop();
  }

  /** A user nobody has heard of. */
  newUser(): string {
    return String(++this.users);
  }

  /** A published template; → its id. */
  async template(discount: object, changes: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const body = templateBody({ discount, perUserLimit: 100, ...changes });
    const { id } = await this.server.must(201, 'POST', '/v1/templates', body);
    await this.server.must(200, 'POST', `/v1/templates/${id}/publish`);
    return id;
  }

  /** A coupon of a new template unless one is named; → its id. */
  async coupon(user: string, of: object | string): Promise<string> {
    const templateId = typeof of === 'string' ? of : await this.template(of);
    return (await this.must(201, { user }, 'POST', `/v1/templates/${templateId}/claims`)).couponId;
  }
}
