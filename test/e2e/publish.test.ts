/** What an operator is told is done, is: claims sent at once find it so. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClaimsBook, type Sale } from '../support/book.ts';
import { Connection } from '../support/connection.ts';
import { claim } from '../support/crowd.ts';
import { newActivity, newTemplate } from '../support/sales.ts';
import { type Server, startServer } from '../support/server.ts';

const TEMPLATES = process.env.LONG ? 60 : 20;
const UNITS = 100_000;
let server: Server;

beforeAll(async () => {
  server = await startServer({ env: { OWNER_THREADS: '4' } });
});
afterAll(() => server.destroy());

async function claimOf(sale: Sale, userId: string) {
  const connection = await Connection.open(server.port);
  try {
    return await claim(connection, new ClaimsBook(), { sale, userId, key: null });
  } finally {
    connection.close();
  }
}

test('the first claim of a template published among many is won', async () => {
  const sold = Array.from({ length: TEMPLATES }, async (_, i) => {
    const sale = await newTemplate(server, { stock: UNITS, partitions: i % 2 === 0 ? 1 : 8 });
    return (await claimOf(sale, '1')).status;
  });
  expect(await Promise.all(sold)).toEqual(Array(TEMPLATES).fill(201));
});

test('units added to what was sold out are claimed at once, and an activity as soon as it is there', async () => {
  for (let round = 0; round < 10; round++) {
    const sale = await newTemplate(server, { stock: 1, partitions: 8 });
    expect((await claimOf(sale, '1')).status).toBe(201);
    expect((await claimOf(sale, '2')).status).toBe(409);
    await server.must(200, 'PUT', `/v1/templates/${sale.templateId}/stock`, { total: 200 });
    expect((await claimOf(sale, '2')).status).toBe(201);
    const activity = await newActivity(server, sale, { stock: 50 });
    expect((await claimOf(activity, '3')).status).toBe(201);
    await server.must(200, 'POST', `/v1/templates/${sale.templateId}/disable`);
    expect((await claimOf(sale, '4')).json.code).toBe('not_active');
  }
});
