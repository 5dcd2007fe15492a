/** What every run against several nodes ends with: the rest sells everywhere, and all of it is in the database. */
import { expect } from 'vitest';
import type { ClaimsBook, Sale } from './book.ts';
import { stockOf, walletOf } from './check.ts';
import { Connection, overMany } from './connection.ts';
import { claim } from './crowd.ts';
import type { Node } from './nodes.ts';
import type { Random } from './random.ts';
import { checkRows } from './rows.ts';
import { until } from './wait.ts';

/** Fresh users for selling the rest; no crowd uses these numbers. */
let nextBuyer = 6_000_000_000;
const VERDICT_MS = 30_000;
const FLUSHED_MS = 60_000;
const WALLETS_SEEN = process.env.LONG ? 150 : 40;

/** One claim, again and again while the node says `unavailable`. */
export function claimUntilAnswered(
  connection: Connection,
  book: ClaimsBook,
  sale: Sale,
  userId: string,
  patienceMs = VERDICT_MS,
) {
  return until(
    async () => {
      const answer = await claim(connection, book, { sale, userId, key: null });
      return answer.status !== 503 && answer;
    },
    `a verdict for user ${userId} of template ${sale.templateId}`,
    patienceMs,
  );
}

/** One claim at each node, so that all hold units of the sale before a crowd takes them at the first that can sell. */
export async function claimAtEach(nodes: readonly Node[], book: ClaimsBook, sale: Sale): Promise<void> {
  for (const [at, { port }] of nodes.entries()) {
    const connection = await Connection.open(port!);
    await claimUntilAnswered(connection, book, sale, String(900_000 + at));
    connection.close();
  }
}

/** Fresh users claim at every node at once until it says `sold_out` there. */
export async function sellOut(nodes: readonly Node[], book: ClaimsBook, sales: readonly Sale[]) {
  for (const sale of sales) {
    await Promise.all(
      nodes.map(async (node) => {
        let soldOut = false;
        const buyers = function* (): Generator<string> {
          while (!soldOut) yield String(nextBuyer++);
        };
        await overMany(
          node.port!,
          buyers(),
          async (connection, userId) => {
            const { json } = await claimUntilAnswered(connection, book, sale, userId).catch(
              async (error: Error) => {
                const stock = await stockOf(node.server, sale.templateId);
                const told = node.server.log.filter(({ level }) => level === 'error').slice(0, 3);
                throw new Error(`${error.message}: ${JSON.stringify({ sale, stock, told })}`);
              },
            );
            if (json.code === 'sold_out') soldOut = true;
          },
          12,
        );
      }),
    );
  }
}

function templatesOf(sales: readonly Sale[]): string[] {
  return [...new Set(sales.map(({ templateId }) => templateId))];
}

/** At every node, nothing is left, and all that is claimed is in the database. */
async function soldAndFlushed(nodes: readonly Node[], sales: readonly Sale[]): Promise<Map<string, number>> {
  const sold = new Map<string, number>();
  for (const node of nodes) {
    for (const templateId of templatesOf(sales)) {
      let figures: unknown = null;
      const total = await until(
        async () => {
          const stock = await stockOf(node.server, templateId);
          figures = stock;
          return stock.claimed === stock.total && stock.flushed === stock.total && stock;
        },
        () => `template ${templateId} is sold and flushed: ${JSON.stringify(figures)}`,
        FLUSHED_MS,
      );
      expect(total).toMatchObject({ free: 0, leased: 0 });
      sold.set(templateId, total.total);
    }
  }
  return sold;
}

/** Every node shows the same wallets, with all that was promised; of some users, as there may be many. */
export async function checkWallets(nodes: readonly Node[], book: ClaimsBook, random: Random): Promise<void> {
  const promised = new Map<string, Map<string, string>>();
  for (const [couponId, { userId, code }] of book.coupons) {
    if (!promised.has(userId)) promised.set(userId, new Map());
    promised.get(userId)!.set(couponId, code);
  }
  const users = [...promised.keys()];
  const some = Array.from({ length: Math.min(WALLETS_SEEN, users.length) }, () =>
    users.length <= WALLETS_SEEN ? users.pop()! : users[random.below(users.length)],
  );
  const faults: string[] = [];
  const connections = await Promise.all(nodes.map((node) => Connection.open(node.port!)));
  for (const userId of new Set(some)) {
    const wallets = await Promise.all(connections.map((connection) => walletOf(connection, userId)));
    const texts = wallets.map((wallet) =>
      wallet
        .map(({ couponId, couponCode }) => `${couponId} ${couponCode}`)
        .sort()
        .join(', '),
    );
    for (const text of texts)
      if (text !== texts[0]) faults.push(`wallets of user ${userId} differ: ${texts[0]} and ${text}`);
    for (const [couponId, code] of promised.get(userId)!)
      if (!texts[0].includes(`${couponId} ${code}`)) faults.push(`user ${userId} misses ${couponId} ${code}`);
  }
  for (const connection of connections) connection.close();
  expect(faults.slice(0, 10)).toEqual([]);
}

/** Users who hold something ask for it again, at every node: the coupon of the first time. The book compares. */
async function askAgain(nodes: readonly Node[], book: ClaimsBook, random: Random): Promise<void> {
  const single = [...book.coupons.values()].filter(({ sale }) => sale.perUserLimit === 1);
  if (single.length === 0) return;
  const some = Array.from({ length: WALLETS_SEEN }, () => single[random.below(single.length)]);
  await Promise.all(
    nodes.map((node) =>
      overMany(node.port!, some, async (connection, { sale, userId }) => {
        const { status, text } = await claimUntilAnswered(connection, book, sale, userId);
        if (status !== 200) book.fault(`a repeat of user ${userId} was answered ${status} ${text}`);
      }),
    ),
  );
}

/** All of it, for nodes that serve again. */
export async function checkNodes(
  nodes: readonly Node[],
  mysqlUrl: string,
  book: ClaimsBook,
  sales: readonly Sale[],
  random: Random,
): Promise<void> {
  await checkWallets(nodes, book, random);
  await sellOut(nodes, book, sales);
  const sold = await soldAndFlushed(nodes, sales);
  await askAgain(nodes, book, random);
  await checkWallets(nodes, book, random);
  await checkRows(mysqlUrl, book, sales, { sold });
  for (const node of nodes)
    expect(await node.server.must(200, 'GET', '/v1/audit')).toMatchObject({ ok: true });
}
