/** Carts and orders beside a contender that sells: a load process of its own, at the same time. */
import type { Contender } from '../contender.ts';
import type { KeptCoupon, LoadResult, OrdersJob } from '../load/jobs.ts';
import type { LoadRun } from '../measure.ts';
import { ORDER, type OrderWallets } from '../order-wallets.ts';
import { LoadClient } from '../processes/load-client.ts';
import type { Server } from '../processes/server.ts';
import { countUsages } from '../records-file.ts';

const CONNECTIONS = 32;

export interface OrderRates {
  readonly quotesPerSecond: number;
  readonly redemptionsPerSecond: number;
}

export class OrderCrowd {
  /** Of each run, what its orders took from lock to use. */
  #redemptions: LoadResult[] = [];
  readonly #server: Server;
  readonly #wallets: OrderWallets;
  readonly #rates: OrderRates;
  /** Not used yet. */
  readonly #coupons: KeptCoupon[];
  readonly #client = new LoadClient();
  #used = 0;
  #runs = 0;

  /** `coupons`: as many as the runs will use. An embedded server. */
  constructor(server: Server, wallets: OrderWallets, rates: OrderRates, coupons: readonly KeptCoupon[]) {
    this.#server = server;
    this.#wallets = wallets;
    this.#rates = rates;
    this.#coupons = [...coupons];
  }

  /** Of the runs since it was asked last. */
  takeRedemptions(): LoadResult[] {
    const taken = this.#redemptions;
    this.#redemptions = [];
    return taken;
  }

  stop(): void {
    this.#client.stop();
  }

  /** Every run of `sales` beside the orders, for `seconds`. */
  beside(sales: Contender, name: string, seconds: number): Contender {
    return {
      name,
      prepare: async () => {
        const prepared = await sales.prepare();
        const job = this.#nextJob(seconds);
        return {
          ...prepared,
          run: (beforeFirst) => this.#together(prepared.run, job, beforeFirst),
          check: async (load) => [...(await prepared.check(load)), ...this.#check(job)],
        };
      },
    };
  }

  #nextJob(seconds: number): OrdersJob {
    const { quotesPerSecond, redemptionsPerSecond } = this.#rates;
    const coupons = this.#coupons.splice(0, Math.round(redemptionsPerSecond * seconds));
    return {
      kind: 'orders',
      port: this.#server.port,
      connections: CONNECTIONS,
      seconds,
      quotes: { rate: quotesPerSecond, users: this.#wallets.users, bodies: this.#wallets.bestBodies() },
      redemptions: {
        rate: redemptionsPerSecond,
        coupons,
        order: ORDER,
        token: this.#server.token,
        orderPrefix: `run-${++this.#runs}`,
      },
    };
  }

  /** Both have connected before either sends. */
  async #together(sales: LoadRun, job: OrdersJob, beforeFirst: () => Promise<void>): Promise<LoadResult> {
    let sold: Promise<LoadResult> | null = null;
    const orders = await this.#client.run(
      job,
      () =>
        new Promise<void>((begin, giveUp) => {
          sold = sales(async () => {
            await beforeFirst();
            begin();
          });
          sold.catch(giveUp);
        }),
    );
    this.#redemptions.push(orders);
    return sold!;
  }

  /** All that was to be asked was, and went well; and each use is a record, of this run and of those before it. */
  #check({ seconds, quotes, redemptions }: OrdersJob): string[] {
    const { outcomes } = this.#redemptions.at(-1)!;
    const orders = redemptions.coupons.length;
    const expected = {
      'quote 200': Math.round(quotes.rate * seconds),
      'lock 201': orders,
      'use 200': orders,
    };
    const wrong = Object.entries({ ...expected, ...outcomes }).flatMap(([outcome]) => {
      const told = outcomes[outcome] ?? 0;
      const due = (expected as Readonly<Record<string, number>>)[outcome] ?? 0;
      return told === due ? [] : [`${told} answers were ${outcome}, not ${due}`];
    });
    this.#used += orders;
    const usages = countUsages(this.#server.dataDir);
    if (usages !== this.#used) wrong.push(`${this.#used} coupons used, ${usages} usage records`);
    return wrong;
  }
}
