/** /v1/live as a client sees it, in both subprotocols. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClaimsBook } from '../support/book.ts';
import { checkPromises, stockOf } from '../support/check.ts';
import { LiveClient as Live, type LiveClient, type Protocol } from '../support/live.ts';
import { newActivity, newTemplate } from '../support/sales.ts';
import { ADMIN_TOKEN, type Server, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const SERVICE = { Authorization: `Bearer ${ADMIN_TOKEN}` };
let server: Server;
const clients: LiveClient[] = [];

beforeAll(async () => {
  server = await startServer({ env: { OWNER_THREADS: '4' } });
});
afterAll(async () => {
  for (const client of clients) client.close();
  await server.destroy();
});

async function connect(protocol: Protocol, headers: Record<string, string> = {}): Promise<LiveClient> {
  const client = await Live.connect(server, protocol, headers);
  clients.push(client);
  return client;
}

describe.each(['doorbuster.json', 'doorbuster.msgpack'] as const)('%s', (protocol) => {
  test('a user claims, repeats, and is refused', async () => {
    const sale = await newTemplate(server, { stock: 1 });
    const client = await connect(protocol, { 'X-User-Id': '11' });
    const won = await client.ask({ op: 'claim', templateId: sale.templateId });
    expect(won).toMatchObject({ op: 'result', status: 'claimed', templateId: sale.templateId });
    for (const member of ['couponId', 'couponCode', 'claimedAt', 'validFrom', 'validUntil'])
      expect(won[member]).toEqual(expect.any(String));
    const again = await client.ask({ op: 'claim', templateId: Number(sale.templateId) });
    expect(again).toEqual({ ...won, id: again.id, status: 'already_claimed' });
    const other = await connect(protocol, { 'X-User-Id': '12' });
    const refused = await other.ask({ op: 'claim', templateId: sale.templateId });
    expect(refused).toMatchObject({ op: 'result', code: 'sold_out' });
    const nothing = await other.ask({ op: 'claim', templateId: '999999' });
    expect(nothing).toMatchObject({ op: 'result', code: 'not_found' });
  });

  test('a token as first message; before it, and with a wrong one, nothing is claimed', async () => {
    const sale = await newTemplate(server);
    const client = await connect(protocol);
    const early = await client.ask({ op: 'claim', templateId: sale.templateId });
    expect(early).toMatchObject({ op: 'result', code: 'unauthenticated' });
    client.send({ op: 'auth', token: 'wrong' });
    await client.next(({ op, code }) => op === 'error' && code === 'unauthenticated', 'the token is refused');
    client.send({ op: 'auth', token: ADMIN_TOKEN });
    await client.next(({ op }) => op === 'authenticated', 'the token is taken');
    const batch = await client.ask({ op: 'claims', templateId: sale.templateId, userIds: ['1'] });
    expect(batch.status).toEqual(['claimed']);
    expect((await stockOf(server, sale.templateId)).claimed).toBe(1);
  });

  test('256 users in one batch are answered in order, also when repeated and invalid', async () => {
    const sale = await newTemplate(server, { stock: 300, partitions: 8 });
    const client = await connect(protocol, SERVICE);
    const userIds: unknown[] = Array.from({ length: 256 }, (_, i) =>
      String(9_000_000_000_000_000_000n + BigInt(i)),
    );
    userIds[3] = 'nobody';
    userIds[5] = 0;
    userIds[7] = userIds[6];
    userIds[9] = 77;
    const first = await client.ask({ op: 'claims', templateId: sale.templateId, userIds });
    const { status, couponIds, couponCodes } = first;
    expect([status.length, couponIds.length, couponCodes.length]).toEqual([256, 256, 256]);
    for (const place of [3, 5])
      expect([status[place], couponIds[place], couponCodes[place]]).toEqual(['invalid_request', null, null]);
    expect(status.slice(6, 8).sort()).toEqual(['already_claimed', 'claimed']);
    expect(couponIds[7]).toBe(couponIds[6]);
    expect(status.filter((one: string) => one === 'claimed')).toHaveLength(253);
    expect(new Set(couponIds).size).toBe(254);
    const again = await client.ask({ op: 'claims', templateId: sale.templateId, userIds });
    expect(again.couponIds).toEqual(couponIds);
    expect(again.couponCodes).toEqual(couponCodes);
    const book = new ClaimsBook();
    for (const [i, userId] of userIds.entries()) {
      if (couponIds[i] === null) continue;
      const claim = { sale, userId: String(userId), key: null };
      book.sent(claim);
      book.took(claim, { couponId: couponIds[i], couponCode: couponCodes[i] }, i !== 7);
    }
    await checkPromises(server, book, [sale]);
  });

  test('keys in a batch, and batches larger than what is left', async () => {
    const sale = await newTemplate(server, { stock: 5, perUserLimit: 3 });
    const client = await connect(protocol, SERVICE);
    const ask = (userIds: string[], keys?: (string | null)[]) =>
      client.ask({ op: 'claims', templateId: sale.templateId, userIds, ...(keys ? { keys } : {}) });
    const keyed = await ask(['1', '1', '1', '2'], ['a', 'a', 'b', null]);
    expect(keyed.status).toEqual(['claimed', 'already_claimed', 'claimed', 'claimed']);
    expect(keyed.couponIds[1]).toBe(keyed.couponIds[0]);
    const rest = await ask(['3', '4', '5', '6', '1'], [null, null, null, null, 'b']);
    expect(rest.status.slice(0, 4).sort()).toEqual(['claimed', 'claimed', 'sold_out', 'sold_out']);
    expect(rest.status[4]).toBe('already_claimed');
    expect(rest.couponIds[4]).toBe(keyed.couponIds[2]);
  });

  test('batches are for services, and every malformed message is named; the third closes with 1007', async () => {
    const sale = await newTemplate(server);
    const user = await connect(protocol, { 'X-User-Id': '5' });
    const forbidden = await user.ask({ op: 'claims', templateId: sale.templateId, userIds: ['1'] });
    expect(forbidden).toMatchObject({ op: 'result', code: 'forbidden' });
    const { templateId } = sale;
    const userIds = ['1'];
    const malformed: unknown[] = [
      'text',
      [],
      null,
      {},
      { op: 'sing' },
      { op: 'claim', templateId },
      { op: 'claim', id: 1 },
      { op: 'claim', id: 1, templateId, activityId: '1' },
      { op: 'claim', id: 1.5, templateId },
      { op: 'claim', id: 1, templateId: -1 },
      { op: 'claim', id: 1, templateId: 1e300 },
      { op: 'claim', id: 1, templateId, key: '' },
      { op: 'claim', id: 1, templateId, more: true },
      { op: 'claims', id: 1, templateId },
      { op: 'claims', id: 1, templateId, userIds: [] },
      { op: 'claims', id: 1, templateId, userIds: Array(257).fill('1') },
      { op: 'claims', id: 1, templateId, userIds, keys: ['a', 'b'] },
      { op: 'claims', id: 1, templateId, userIds, keys: [7] },
      { op: 'watch' },
      { op: 'auth', token: 7 },
    ];
    while (malformed.length > 0) {
      const client = await connect(protocol, SERVICE);
      for (const message of malformed.splice(0, 3)) {
        client.send(message);
        const answer = await client.next(
          ({ op }) => op === 'error',
          `an error for ${JSON.stringify(message)}`,
        );
        expect(answer).toMatchObject({ code: 'invalid_request', detail: expect.any(String) });
      }
      if (malformed.length > 0) await until(() => client.closed === 1007, 'the third closes the connection');
    }
    const client = await connect(protocol, SERVICE);
    for (let i = 0; i < 3; i++)
      client.raw(Buffer.from([0xc1, 0xff, 0xfe]), protocol === 'doorbuster.msgpack');
    await until(() => client.closed !== null, 'bytes that are no message close the connection');
    expect([1007, 1006]).toContain(client.closed);
    expect((await stockOf(server, templateId)).claimed).toBe(0);
  });

  test('a watch is told the figure at once, its changes, and the final 0', async () => {
    const template = await newTemplate(server, { stock: 100, partitions: 4 });
    const { activityId } = await newActivity(server, template, { stock: 40 });
    const [watcher, gateway, gone] = [
      await connect(protocol),
      await connect(protocol, SERVICE),
      await connect(protocol),
    ];
    for (const client of [watcher, gone]) {
      client.send({ op: 'watch', activityId });
      expect(await client.next(({ op }) => op === 'stock', 'the figure')).toEqual({
        op: 'stock',
        activityId,
        remaining: 40,
        state: 'running',
      });
    }
    gone.send({ op: 'unwatch', activityId });
    // Answered in order: once this error is here, the unwatch was done.
    await Promise.all([gone.send({ op: 'none' }), gone.next(({ op }) => op === 'error', 'an error')]);
    for (let from = 0; from < 60; from += 10) {
      const userIds = Array.from({ length: 10 }, (_, i) => 1 + from + i);
      await gateway.ask({ op: 'claims', activityId, userIds });
      const left = Math.max(0, 40 - from - 10);
      await until(
        () => watcher.messages.some(({ remaining }) => remaining === left),
        `${left} remaining are told`,
      );
    }
    const figures = watcher.messages.map(({ remaining }) => remaining);
    expect(figures).toEqual([...figures].sort((a, b) => b - a));
    expect(gone.messages).toEqual([]);
    for (const [change, told] of [
      ['disable', 'suspended'],
      ['publish', 'running'],
    ] as const) {
      await server.must(200, 'POST', `/v1/templates/${template.templateId}/${change}`);
      await watcher.next(({ state }) => state === told, `that it is ${told}`);
    }
    await server.must(200, 'POST', `/v1/activities/${activityId}/stop`);
    await watcher.next(({ state }) => state === 'ended', 'that it was stopped');
    watcher.send({ op: 'watch', activityId: '999999' });
    await watcher.next(({ op, code }) => op === 'error' && code === 'not_found', 'no such activity');
  });
});

test('an upgrade needs a subprotocol, right credentials and a known origin', async () => {
  await expect(Live.connect(server, 'doorbuster.xml' as Protocol)).rejects.toThrow('400');
  await expect(Live.connect(server, 'doorbuster.json', { Authorization: 'Bearer x' })).rejects.toThrow('401');
  await expect(Live.connect(server, 'doorbuster.json', { 'X-User-Id': 'x' })).rejects.toThrow('401');
  await expect(Live.connect(server, 'doorbuster.json', { Origin: 'https://evil.example' })).rejects.toThrow(
    '403',
  );
});

test('a connection cut with claims in flight: they are claimed once, the server goes on', async () => {
  const sale = await newTemplate(server, { stock: 2000, partitions: 8 });
  const userIds = Array.from({ length: 200 }, (_, i) => String(i + 1));
  for (let round = 0; round < 5; round++) {
    const client = await connect('doorbuster.msgpack', SERVICE);
    client.send({ op: 'claims', id: round, templateId: sale.templateId, userIds });
    client.socket.terminate();
  }
  const client = await connect('doorbuster.json', SERVICE);
  const { status, couponIds } = await client.ask({ op: 'claims', templateId: sale.templateId, userIds });
  expect(new Set(status).size).toBeLessThanOrEqual(2);
  expect(new Set(couponIds).size).toBe(200);
  await until(async () => (await server.metric('doorbuster_claims_in_flight')) === 0, 'nothing in flight');
  expect((await stockOf(server, sale.templateId)).claimed).toBe(200);
});

test('a client that does not read is cut off, and costs the others nothing', async () => {
  const sale = await newTemplate(server, { stock: 1 });
  const userIds = Array.from({ length: 256 }, (_, i) => String(i + 1));
  const deaf = await connect('doorbuster.json', SERVICE);
  deaf.socket.pause();
  const message = JSON.stringify({ op: 'claims', id: 1, templateId: sale.templateId, userIds });
  let cutOff = false;
  deaf.socket.once('close', () => {
    cutOff = true;
  });
  const connections = 'doorbuster_live_connections';
  const before = await server.metric(connections);
  await until(
    async () => {
      for (let i = 0; i < 50 && !cutOff; i++) deaf.raw(message, false);
      return (await server.metric(connections)) < before;
    },
    'the deaf client is cut off',
    30_000,
  );
  const client = await connect('doorbuster.json', { 'X-User-Id': '1' });
  expect((await client.ask({ op: 'claim', templateId: sale.templateId })).status).toBe('already_claimed');
});
