/**
 * What must hold after any run, asked through the front door: every coupon a client was promised is in its wallet with
 * the same id and code, nobody is over a limit, the units add up, and what is left sells to the last unit.
 */
import { expect } from 'vitest';
import type { ClaimsBook, Sale } from './book.ts';
import { type Connection, overMany } from './connection.ts';
import { claim } from './crowd.ts';
import { ADMIN_TOKEN, type Server } from './server.ts';
import { until } from './wait.ts';

const OPERATOR = { Authorization: `Bearer ${ADMIN_TOKEN}` };
/** Fresh users for selling the rest; no crowd uses these numbers. */
let nextBuyer = 5_000_000_000;
const FLUSHED_MS = 60_000;

export interface Coupon {
  readonly couponId: string;
  readonly couponCode: string;
  readonly templateId: string;
  readonly activityId?: string;
}

export async function walletOf(connection: Connection, userId: string): Promise<Coupon[]> {
  const coupons: Coupon[] = [];
  let cursor = '';
  for (;;) {
    const path = `/v1/users/${userId}/coupons?limit=200${cursor}`;
    const { status, text, json } = await connection.request({ path, headers: OPERATOR });
    if (status !== 200) throw new Error(`wallet of ${userId}: ${status} ${text}`);
    coupons.push(...json.items);
    if (json.next === null) return coupons;
    cursor = `&cursor=${json.next}`;
  }
}

export interface StockFigures {
  readonly total: number;
  readonly free: number;
  readonly leased: number;
  readonly claimed: number;
  readonly flushed: number;
}

export function stockOf(server: Server, templateId: string): Promise<StockFigures> {
  return server.must(200, 'GET', `/v1/templates/${templateId}/stock`);
}

/** Invariants 1 to 3 of a server at rest. `sales`: all that was sold from, activities beside their templates. */
export async function checkPromises(server: Server, book: ClaimsBook, sales: readonly Sale[]): Promise<void> {
  const promisedTo = new Map<string, Map<string, string>>();
  for (const [couponId, { userId, code }] of book.coupons) {
    if (!promisedTo.has(userId)) promisedTo.set(userId, new Map());
    promisedTo.get(userId)!.set(couponId, code);
  }
  const faults = [...book.faults];
  const owned = new Map<string, string>();
  const perTemplate = new Map<string, number>();
  await overMany(server.port, book.users, async (connection, userId) => {
    const promised = promisedTo.get(userId) ?? new Map<string, string>();
    const perSale = new Map<string, number>();
    for (const { couponId, couponCode, templateId, activityId } of await walletOf(connection, userId)) {
      if (owned.has(couponId)) faults.push(`coupon ${couponId} is in two wallets`);
      owned.set(couponId, userId);
      const code = promised.get(couponId);
      if (code !== undefined && code !== couponCode)
        faults.push(`coupon ${couponId}: promised ${code}, the wallet says ${couponCode}`);
      promised.delete(couponId);
      perTemplate.set(templateId, (perTemplate.get(templateId) ?? 0) + 1);
      // An activity's claims count against its own limit and the template's.
      const places = activityId === undefined ? [templateId] : [templateId, `${templateId}/${activityId}`];
      for (const place of places) perSale.set(place, (perSale.get(place) ?? 0) + 1);
    }
    for (const lost of promised.keys())
      faults.push(`coupon ${lost} promised to ${userId} is not in its wallet`);
    for (const { templateId, activityId, perUserLimit } of sales) {
      const place = activityId === undefined ? templateId : `${templateId}/${activityId}`;
      const held = perSale.get(place) ?? 0;
      if (held > perUserLimit) faults.push(`user ${userId} holds ${held} of ${place}`);
    }
  });
  expect(faults.slice(0, 10)).toEqual([]);
  for (const templateId of new Set(sales.map((sale) => sale.templateId))) {
    const { total, free, leased, claimed } = await stockOf(server, templateId);
    expect({ templateId, sum: free + leased + claimed }).toEqual({ templateId, sum: total });
    expect(Math.min(free, leased, claimed)).toBeGreaterThanOrEqual(0);
    // Every unit that is claimed is in the wallet of somebody this test knows.
    expect({ templateId, claimed }).toEqual({ templateId, claimed: perTemplate.get(templateId) ?? 0 });
  }
}

/** Invariant 6: fresh users claim until they are told `sold_out`. Adds to the book. */
export async function sellTheRest(server: Server, book: ClaimsBook, sales: readonly Sale[]): Promise<void> {
  for (const sale of sales) {
    const before = book.count('sold_out');
    const buyers = function* (): Generator<string> {
      while (book.count('sold_out') === before) yield String(nextBuyer++);
    };
    await overMany(server.port, buyers(), async (connection, userId) => {
      await until(
        async () => (await claim(connection, book, { sale, userId, key: null })).status !== 503,
        `a verdict for user ${userId}`,
      );
    });
  }
  for (const templateId of new Set(sales.map((sale) => sale.templateId))) {
    const { total, free, leased, claimed } = await stockOf(server, templateId);
    expect({ templateId, free, leased, claimed }).toEqual({ templateId, free: 0, leased: 0, claimed: total });
  }
}

/** Everything claimed is in the record store, and the server's own checker finds nothing. */
export async function checkRecords(server: Server, sales: readonly Sale[]): Promise<void> {
  for (const templateId of new Set(sales.map((sale) => sale.templateId))) {
    let figures: unknown = null;
    await until(
      async () => {
        const stock = await stockOf(server, templateId);
        figures = stock;
        return stock.claimed === stock.flushed;
      },
      () => `everything of template ${templateId} is flushed: ${JSON.stringify(figures)}`,
      FLUSHED_MS,
    );
  }
  expect(await server.must(200, 'GET', '/v1/audit')).toMatchObject({ ok: true });
}

/** All of it. */
export async function checkAll(server: Server, book: ClaimsBook, sales: readonly Sale[]): Promise<void> {
  await checkPromises(server, book, sales);
  await sellTheRest(server, book, sales);
  await checkPromises(server, book, sales);
  await checkRecords(server, sales);
}
