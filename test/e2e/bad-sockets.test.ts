/** Connections that are wrong in how they speak: refused or closed, and nobody else notices. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { exchange, open } from '../http/raw-http.ts';
import type { Sale } from '../support/book.ts';
import { stockOf } from '../support/check.ts';
import { Connection } from '../support/connection.ts';
import { claimPath } from '../support/crowd.ts';
import type { Server } from '../support/server.ts';
import { Target } from '../support/target.ts';
import { until, within } from '../support/wait.ts';

let target: Target;
let server: Server;
let sale: Sale;
let activityId: string;

beforeAll(async () => {
  target = await Target.start();
  ({ server, sale, activityId } = target);
});
afterAll(() => server.destroy());
afterEach(() => target.expectHealthy());

test('smuggling shapes on the claim routes are refused and the connection closed at once', async () => {
  const hidden = `POST ${claimPath(sale)} HTTP/1.1\r\nHost: x\r\nX-User-Id: 666\r\n\r\n`;
  const shapes = [
    `Content-Length: 0\r\nContent-Length: ${hidden.length}`,
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding: chunked\r\nContent-Length: 5',
    'Content-Length: 5\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    'Content-Length: +5',
    'Content-Length: 0x5',
    'Content-Length: -1',
    'Transfer-Encoding : chunked',
  ];
  for (const path of [claimPath(sale), `/v1/activities/${activityId}/claims`]) {
    for (const shape of shapes) {
      const request = `POST ${path} HTTP/1.1\r\nHost: x\r\nX-User-Id: 6\r\n${shape}\r\n\r\n${hidden}`;
      const answer = await exchange(server.port, request, { untilClosed: true });
      expect(answer.closed, shape).toBe(true);
      expect(answer.status, `${shape}: ${answer.text}`).toBe(400);
      expect(answer.text.match(/HTTP\/1\.1/g), shape).toHaveLength(1);
    }
  }
});

test('aborted, half-open and broken connections cost nothing', async () => {
  const request = (user: number) =>
    `POST ${claimPath(sale)} HTTP/1.1\r\nHost: x\r\nX-User-Id: ${user}\r\n\r\n`;
  // Cut while the claim is on its way: it counts, once, whether or not anybody reads the answer.
  const users = Array.from({ length: 200 }, (_, i) => 2000 + i);
  for (const user of users) {
    const socket = connect({ port: server.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    await once(socket, 'connect');
    await new Promise((resolve) => socket.write(request(user), resolve));
    if (user % 2 === 0) socket.resetAndDestroy();
    else socket.destroy();
  }
  const connection = await Connection.open(server.port);
  for (const user of users) {
    const headers = { 'X-User-Id': String(user) };
    const { status } = await connection.request({ method: 'POST', path: claimPath(sale), headers });
    expect([200, 201]).toContain(status);
  }
  connection.close();
  target.claimed += users.length;
  await until(async () => (await server.metric('doorbuster_claims_in_flight')) === 0, 'nothing in flight');
  expect((await stockOf(server, sale.templateId)).claimed).toBe(target.claimed);

  // Bodies that never come, half a header, a closed sending side, two requests at once.
  const half = await open(server.port);
  half.write(`POST ${claimPath(sale)} HTTP/1.1\r\nHost: x\r\nX-User-Id: 7\r\nContent-Length: 10\r\n\r\n{`);
  const start = await open(server.port);
  start.write('POST /v1/temp');
  for (const socket of [half, start]) {
    socket.on('error', () => {});
    socket.end();
    socket.resume();
    await once(socket, 'close');
  }
  const two = await exchange(server.port, [request(7001) + request(7002)], { untilClosed: true });
  expect(two.text.match(/HTTP\/1\.1 201/g)?.length ?? 0).toBeLessThanOrEqual(2);
  await until(async () => (await server.metric('doorbuster_claims_in_flight')) === 0, 'nothing in flight');
  // The first of two pipelined claims is decided; whether the second is, depends on when it was read.
  const { claimed } = await stockOf(server, sale.templateId);
  expect([1, 2]).toContain(claimed - target.claimed);
  target.claimed = claimed;
});

test('frames that are no WebSocket frames close the socket and nothing else', async () => {
  const upgrade =
    'GET /v1/live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: doorbuster.json\r\nX-User-Id: 5\r\n\r\n';
  const frames = [
    [0xf1, 0x80, 0, 0, 0, 0], // reserved bits
    [0x83, 0x80, 0, 0, 0, 0], // unknown operation
    [0x89, 0xfe, 0x01, 0x00, 0, 0, 0, 0], // a ping longer than 125
    [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], // 2^63 bytes announced
    [0x80, 0x80, 0, 0, 0, 0], // a continuation of nothing
    [0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28], // text that is not UTF-8
    [0x88, 0x81, 0, 0, 0, 0, 1], // a close with half a code
  ];
  for (const frame of frames) {
    const socket = await open(server.port);
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.write(upgrade);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain('101 Switching Protocols');
    socket.resume();
    socket.write(Buffer.from(frame));
    await within(once(socket, 'close'), `close after ${Buffer.from(frame).toString('hex')}`, 5000);
  }
  await until(async () => (await server.metric('doorbuster_live_connections')) === 0, 'all are gone');
  const keyless = await exchange(server.port, upgrade.replace(/Sec-WebSocket-Key: \S+\r\n/, ''));
  expect(keyless.status).toBe(404);
});
