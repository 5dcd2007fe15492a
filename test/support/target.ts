/** A server that bad input is thrown at, and the look at its figures that every test ends with. */
import { expect } from 'vitest';
import type { Sale } from './book.ts';
import { stockOf } from './check.ts';
import { Connection } from './connection.ts';
import { claimPath } from './crowd.ts';
import { newActivity, newTemplate } from './sales.ts';
import { type Server, startServer } from './server.ts';
import { until } from './wait.ts';

export class Target {
  readonly server: Server;
  readonly sale: Sale;
  readonly activityId: string;
  /** Claims that were let through: what the figures must say. */
  claimed = 0;
  private goodUser = 1_000_000;

  private constructor(server: Server, sale: Sale, activityId: string) {
    this.server = server;
    this.sale = sale;
    this.activityId = activityId;
  }

  static async start(): Promise<Target> {
    const server = await startServer();
    const sale = await newTemplate(server, { stock: 1000 });
    const { activityId } = await newActivity(server, sale, { stock: 10 });
    return new Target(server, sale, activityId);
  }

  /** One good claim by a fresh user; the coupon's id. */
  async claim(): Promise<string> {
    const connection = await Connection.open(this.server.port);
    const headers = { 'X-User-Id': String(this.goodUser++) };
    const answer = await connection.request({ method: 'POST', path: claimPath(this.sale), headers });
    connection.close();
    expect(answer.status).toBe(201);
    this.claimed++;
    return answer.json.couponId;
  }

  /** The process lives, sells, and counted right. */
  async expectHealthy(): Promise<void> {
    const { server } = this;
    expect(server.isAlive).toBe(true);
    await this.claim();
    await until(async () => (await server.metric('doorbuster_claims_in_flight')) === 0, 'nothing in flight');
    const stock = await stockOf(server, this.sale.templateId);
    expect(stock.claimed).toBe(this.claimed);
    expect(stock.free + stock.leased + stock.claimed).toBe(stock.total);
    expect(await server.metric('doorbuster_claims_total{verdict="claimed"}')).toBe(this.claimed);
    expect(await server.metric('doorbuster_owner_restarts_total')).toBe(0);
  }
}
