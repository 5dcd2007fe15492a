import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { LiveBatches } from '../../src/cli/replay/live-batches.ts';

let server: WebSocketServer;
let url: string;
let headers: Record<string, unknown>;
/** What the server says to a message: nothing when undefined, null to close the connection. */
let answer: (message: { id: number; userIds: string[] }) => unknown;

beforeEach(async () => {
  server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: (offered) => [...offered][0]!,
  });
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.on('connection', (socket, request) => {
    headers = request.headers;
    socket.on('message', (data) => {
      const said = answer(JSON.parse(String(data)));
      if (said === null) socket.close(1001, 'server is stopping');
      else if (said !== undefined) socket.send(typeof said === 'string' ? said : JSON.stringify(said));
    });
  });
});
afterEach(() => {
  for (const socket of server.clients) socket.terminate();
  server.close();
});

function result(id: number, userIds: readonly string[]) {
  return {
    op: 'results',
    id,
    status: userIds.map(() => 'claimed'),
    couponIds: userIds,
    couponCodes: userIds,
  };
}

test('the token goes with the upgrade, and answers find their batches in any order', async () => {
  const late: { id: number; userIds: string[] }[] = [];
  // The first is answered after the second.
  answer = (message) => {
    late.push(message);
    if (late.length < 2) return undefined;
    const [first, second] = late.map(({ id, userIds }) => JSON.stringify(result(id, userIds)));
    for (const socket of server.clients) socket.send(second!);
    return first;
  };
  const live = await LiveBatches.open({ url, token: 'secret-token' });
  expect(headers).toMatchObject({
    authorization: 'Bearer secret-token',
    'sec-websocket-protocol': 'doorbuster.json',
  });
  const [one, two] = await Promise.all([live.claims('1', ['a']), live.claims('1', ['b', 'c'])]);
  expect([one.couponIds, two.couponIds]).toEqual([['a'], ['b', 'c']]);
  live.close();
});

test('a refusal of a whole batch is one of each of its users', async () => {
  answer = ({ id }) => ({ op: 'result', id, code: 'not_found', detail: 'There is no such coupon.' });
  const live = await LiveBatches.open({ url, token: null });
  expect(await live.claims('1', ['a', 'b'])).toEqual({
    status: ['not_found', 'not_found'],
    couponIds: [null, null],
    couponCodes: [null, null],
  });
  live.close();
});

test.each([
  ['no JSON', () => 'hello'],
  ['JSON that is no message', () => 'null'],
  ['an error', ({ id }: { id: number }) => ({ op: 'error', id, code: 'invalid_request', detail: 'no' })],
  ['an answer to nothing', () => result(99, ['a', 'b'])],
  ['too few answers', ({ id }: { id: number }) => result(id, ['a'])],
])('%s fails everything under way, with what was said', async (_, said) => {
  answer = said;
  const live = await LiveBatches.open({ url, token: null });
  const waiting = [live.claims('1', ['a', 'b']), live.claims('1', ['c', 'd'])];
  for (const { reason } of (await Promise.allSettled(waiting)) as PromiseRejectedResult[])
    expect(reason.message).toContain(`${url} sent what was not asked for: `);
  await expect(live.claims('1', ['e'])).rejects.toThrow('not asked for');
});

test('a connection that closes fails everything under way, with the reason', async () => {
  answer = () => null;
  const live = await LiveBatches.open({ url, token: null });
  await expect(live.claims('1', ['a'])).rejects.toThrow('closed the connection (1001, server is stopping)');
});
