/**
 * Receipts claimed over HTTP, each by its user, in file order on many connections: every pair of user and coupon is
 * claimed once, every repeat is answered with the coupon of the first time, also when the server is killed half way.
 * A seeded look-alike, and with RECEIPTS=FILE the real ones (the command line's replay has its own tests).
 */
import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ClaimsBook, type Sale } from '../support/book.ts';
import { checkPromises, checkRecords, stockOf } from '../support/check.ts';
import { ConnectionLost, overMany } from '../support/connection.ts';
import { claim } from '../support/crowd.ts';
import { type Random, seeded } from '../support/random.ts';
import { newTemplate } from '../support/sales.ts';
import { type Server, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

interface Receipt {
  readonly userId: string;
  readonly couponId: string;
}

const CONNECTIONS = 64;
/** Of the look-alike. */
const RECEIPTS = process.env.LONG ? 4000 : 1000;

/** A fifth goes to one coupon, one in eighteen is a repeat: the proportions of the real ones. */
function lookAlike(random: Random): Receipt[] {
  const receipts: Receipt[] = [];
  for (let i = 0; i < RECEIPTS; i++) {
    const couponId = String(random.next() < 0.2 ? 0 : 1 + random.below(60));
    if (i > 0 && random.next() < 1 / 18) receipts.push(receipts[random.below(receipts.length)]);
    else receipts.push({ userId: String(1 + random.below(3000)), couponId });
  }
  return receipts;
}

function readReceipts(file: string): Receipt[] {
  const rows = fs.readFileSync(file, 'utf8').trim().split(/\r?\n/).slice(1);
  return rows.map((row) => {
    const [userId, , couponId] = row.split(',');
    return { userId, couponId };
  });
}

function usersOf(receipts: readonly Receipt[]): Map<string, number> {
  const users = new Map<string, Set<string>>();
  for (const { userId, couponId } of receipts) {
    if (!users.has(couponId)) users.set(couponId, new Set());
    users.get(couponId)!.add(userId);
  }
  return new Map([...users].map(([couponId, set]) => [couponId, set.size]));
}

async function newSales(server: Server, stocks: ReadonlyMap<string, number>): Promise<Map<string, Sale>> {
  const sales = new Map<string, Sale>();
  for (const [couponId, stock] of stocks) sales.set(couponId, await newTemplate(server, { stock }));
  return sales;
}

/** Claims all of them; counts as the book does. */
async function replay(
  server: Server,
  receipts: readonly Receipt[],
  sales: Map<string, Sale>,
  book: ClaimsBook,
) {
  await overMany(
    server.port,
    receipts,
    async (connection, { userId, couponId }) => {
      const sale = sales.get(couponId)!;
      await until(
        async () => (await claim(connection, book, { sale, userId, key: null })).status !== 503,
        `a verdict for user ${userId}`,
      );
    },
    CONNECTIONS,
  );
}

function withoutRefusedForNow({ counts }: ClaimsBook): Record<string, number> {
  const { unavailable: _, ...rest } = Object.fromEntries(counts);
  return rest;
}

function receiptsAreClaimedOnce(
  receipts: Receipt[],
  expected?: { claimed: number; repeats: number; half: number },
) {
  const users = usersOf(receipts);
  const claimed = [...users.values()].reduce((a, b) => a + b, 0);
  const halves = new Map([...users].map(([couponId, n]) => [couponId, Math.floor(n / 2)]));
  const half = [...halves.values()].reduce((a, b) => a + b, 0);
  if (expected !== undefined) expect({ claimed, repeats: receipts.length - claimed, half }).toEqual(expected);

  test('each pair once, nothing new the second time', async () => {
    const server = await startServer();
    try {
      const sales = await newSales(server, users);
      const book = new ClaimsBook();
      await replay(server, receipts, sales, book);
      expect(withoutRefusedForNow(book)).toEqual({ claimed, already_claimed: receipts.length - claimed });
      await replay(server, receipts, sales, book);
      expect(withoutRefusedForNow(book)).toEqual({ claimed, already_claimed: 2 * receipts.length - claimed });
      await checkPromises(server, book, [...sales.values()]);
      await checkRecords(server, [...sales.values()]);
    } finally {
      await server.destroy();
    }
  });

  test('killed half way and begun again, still each pair once', async () => {
    let server = await startServer();
    const { dataDir } = server;
    try {
      const sales = await newSales(server, users);
      const book = new ClaimsBook();
      const first = replay(server, receipts, sales, book).then(
        () => 'ended',
        (error) => error,
      );
      await until(() => book.count('claimed') > claimed / 2, 'half is claimed', 120_000);
      await server.kill();
      expect(await first).toBeInstanceOf(ConnectionLost);
      server = await startServer({ dataDir });
      await replay(server, receipts, sales, book);
      expect(book.coupons.size).toBe(claimed);
      await checkPromises(server, book, [...sales.values()]);
      await checkRecords(server, [...sales.values()]);
    } finally {
      await server.destroy();
    }
  });

  test('with half the stock, exactly that is sold of each', async () => {
    const server = await startServer({ env: { OWNER_THREADS: '2', LOG_SYNC: 'os' } });
    try {
      const sales = await newSales(server, halves);
      const book = new ClaimsBook();
      await replay(server, receipts, sales, book);
      expect(book.count('claimed')).toBe(half);
      for (const [couponId, total] of halves) {
        const figures = await stockOf(server, sales.get(couponId)!.templateId);
        expect(figures).toMatchObject({ total, free: 0, leased: 0, claimed: total });
      }
      expect(Object.keys(withoutRefusedForNow(book)).sort()).toEqual([
        'already_claimed',
        'claimed',
        'sold_out',
      ]);
      await checkPromises(server, book, [...sales.values()]);
      await checkRecords(server, [...sales.values()]);
    } finally {
      await server.destroy();
    }
  });
}

describe('a look-alike', () => receiptsAreClaimedOnce(lookAlike(seeded('receipts'))));

/** Only there with a file: a skipped test would look like one that was left undone. */
if (process.env.RECEIPTS) {
  describe('the real receipts', () => {
    const receipts = readReceipts(process.env.RECEIPTS!);
    const known = { claimed: 53_680, repeats: 3_101, half: 26_329 };
    receiptsAreClaimedOnce(receipts, receipts.length === 56_781 ? known : undefined);
  });
}
