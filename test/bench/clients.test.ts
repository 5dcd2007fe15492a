/** The clients as they run in a bench: load process and bare handler as processes of their own. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Packr } from 'msgpackr';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocketServer } from 'ws';
import { USER_ID_MIN } from '../../bench/load/claim-request.ts';
import { autocannon } from '../../bench/load/other-generators.ts';
import { measure } from '../../bench/measure.ts';
import { LoadClient } from '../../bench/processes/load-client.ts';
import { startYardstick, type Yardstick } from '../../bench/processes/yardstick.ts';

const PATH = '/v1/templates/1/claims';

describe('load clients', () => {
  let client: LoadClient;
  let yardstick: Yardstick;

  beforeAll(async () => {
    client = new LoadClient();
    yardstick = await startYardstick();
  });
  afterAll(async () => {
    client.stop();
    await yardstick.stop();
  });

  it('closed loop: sends exactly what was asked for and reads every answer', async () => {
    const job = {
      kind: 'closed-loop',
      port: yardstick.port,
      path: PATH,
      connections: 8,
      seconds: 30,
      requestsMax: 2001,
      users: { first: USER_ID_MIN, count: 10_000 },
      couponEvery: 2,
    } as const;
    const measured = await measure(yardstick, (beforeFirst) => client.run(job, beforeFirst));
    expect(measured.load.outcomes).toEqual({ 201: 2001 });
    expect(measured.load.coupons).toHaveLength(1001);
    expect(measured.load.coupons[0]).toEqual({ userId: USER_ID_MIN, couponId: '4294967296000' });
    expect(measured.cpuUsPerRequest).toBeGreaterThan(0.5);
    expect(measured.serverBusy).toBeGreaterThan(0);
  });

  it('closed loop with bodies: counts what the answers come to', async () => {
    const answer = '{"original":100,"payable":99}';
    await fetch(`http://127.0.0.1:${yardstick.port}/quote-answer`, { method: 'POST', body: answer });
    const load = await client.run({
      kind: 'closed-loop',
      port: yardstick.port,
      path: '/v1/quotes',
      bodies: ['{"couponIds":["1"]}', '{"couponIds":["2"]}'],
      countedBy: 'payable',
      connections: 4,
      seconds: 30,
      requestsMax: 501,
      users: { first: USER_ID_MIN, count: 2 },
      couponEvery: 0,
    });
    expect(load.outcomes).toEqual({ '200 payable 99': 501 });
  });

  it('orders: quotes carts, and uses what it has locked, at the rates it was told', async () => {
    const seen: string[] = [];
    const shop = http.createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        const { url = '', headers } = request;
        const isLock = url === '/v1/redemptions';
        const { orderId, couponIds, items } = JSON.parse(body);
        seen.push(`${headers['x-user-id'] ?? headers.authorization} ${url} ${orderId} ${couponIds} ${items}`);
        const isRefused = isLock && orderId === 'o-2';
        const answer = isRefused
          ? '{"code":"coupon_locked"}'
          : JSON.stringify(isLock ? { redemptionId: `${couponIds[0]}0` } : { payable: 1 });
        response.writeHead(isRefused ? 409 : isLock ? 201 : 200, { 'Content-Length': answer.length });
        response.end(answer);
      });
    });
    shop.listen(0, '127.0.0.1');
    await once(shop, 'listening');
    try {
      const load = await client.run({
        kind: 'orders',
        port: (shop.address() as AddressInfo).port,
        connections: 3,
        seconds: 0.1,
        quotes: { rate: 200, users: { first: USER_ID_MIN, count: 5 }, bodies: ['{"items":[1]}'] },
        redemptions: {
          rate: 30,
          coupons: ['800', '900', '900'].map((couponId, i) => ({ userId: USER_ID_MIN + i, couponId })),
          order: '"items":[7]',
          token: 'secret',
          orderPrefix: 'o',
        },
      });
      expect(load.outcomes).toEqual({
        'quote 200': 20,
        'lock 201': 2,
        'lock 409 coupon_locked': 1,
        'use 200': 2,
      });
      expect(load.latency!.p50Ms).toBeGreaterThan(0);
      expect(seen.filter((one) => one.includes('redemptions')).sort()).toEqual([
        `${USER_ID_MIN} /v1/redemptions o-0 800 7`,
        `${USER_ID_MIN + 1} /v1/redemptions o-1 900 7`,
        `${USER_ID_MIN + 2} /v1/redemptions o-2 900 7`,
        'Bearer secret /v1/redemptions/8000/use undefined undefined 7',
        'Bearer secret /v1/redemptions/9000/use undefined undefined 7',
      ]);
    } finally {
      shop.close();
      shop.closeAllConnections();
    }
  });

  it('open loop: keeps the rate and times every request', async () => {
    const load = await client.run({
      kind: 'open-loop',
      isTimed: false,
      rate: 2000,
      port: yardstick.port,
      path: PATH,
      connections: 8,
      seconds: 0.25,
      users: { first: USER_ID_MIN, count: 10_000 },
      couponEvery: 0,
    });
    expect(load.outcomes).toEqual({ 201: 500 });
    expect(load.seconds).toBeGreaterThan(0.24);
    expect(load.latency!.p50Ms).toBeGreaterThan(0);
    expect(load.latency!.maxMs).toBeGreaterThanOrEqual(load.latency!.p99Ms);
  });

  it('autocannon reaches the same server', async () => {
    const load = await autocannon({
      port: yardstick.port,
      path: PATH,
      connections: 4,
      seconds: 1,
      userId: USER_ID_MIN,
    });
    expect(Object.keys(load.outcomes)).toEqual(['201']);
    expect(load.answered).toBeGreaterThan(100);
  });

  it('live batches: counts each user of each frame', async () => {
    const packr = new Packr({ useRecords: false });
    const seen = new Set<string>();
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    server.on('connection', (socket, request) => {
      if (request.headers.authorization !== 'Bearer secret') socket.close(1008);
      socket.on('message', (data: Buffer) => {
        const { id, userIds } = packr.unpack(data) as { id: number; userIds: string[] };
        const status = userIds.map((userId) => (seen.has(userId) ? 'already_claimed' : 'claimed'));
        for (const userId of userIds) seen.add(userId);
        socket.send(packr.pack({ op: 'results', id, status, couponIds: userIds, couponCodes: userIds }));
      });
    });
    try {
      const load = await client.run({
        kind: 'live-batches',
        port: (server.address() as AddressInfo).port,
        templateId: '1',
        token: 'secret',
        connections: 2,
        framesInFlight: 3,
        usersPerFrame: 16,
        seconds: 30,
        claimsMax: 1600,
        users: { first: USER_ID_MIN, count: 1600 },
        couponEvery: 16,
      });
      expect(load.outcomes).toEqual({ claimed: 1600 });
      expect(seen.size).toBe(1600);
      expect(load.coupons).toHaveLength(100);
      expect(load.coupons.every(({ userId, couponId }) => String(userId) === couponId)).toBe(true);
    } finally {
      server.close();
    }
  });

  it('a server that is not there fails the run, not the process', async () => {
    const job = {
      kind: 'closed-loop',
      port: 1,
      path: PATH,
      connections: 1,
      seconds: 1,
      users: { first: USER_ID_MIN, count: 1 },
      couponEvery: 0,
    } as const;
    await expect(client.run(job)).rejects.toThrow('ECONNREFUSED');
    await expect(client.run({ ...job, port: yardstick.port, requestsMax: 1 })).resolves.toBeTruthy();
  });
});
