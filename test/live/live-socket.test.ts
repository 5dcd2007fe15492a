/** /v1/live on a real socket of this process: credentials and their end, claims, batches, watches, malformed frames. */
import { createSigner } from 'fast-jwt';
import { afterEach, describe, expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { SLOTS } from '../../src/limits.ts';
import { until } from '../claims/desk-stage.ts';
import {
  ACTIVITY_ID,
  ADMIN,
  FaceStage,
  START_MS,
  type StageOptions,
  TEMPLATE_ID,
} from '../http/face-stage.ts';
import { exchange, open } from '../http/raw-http.ts';
import { LiveClient, type Message, type Protocol } from '../support/live.ts';

const KEY = 'the-gateway-key-of-the-stage';
const SECRET = 'a secret of at least thirty-two characters';
const JWT = { auth: 'jwt', jwtSecret: SECRET, gatewayKey: KEY } as const;
const SERVICE = { Authorization: `Bearer ${ADMIN}` };
const CLAIM = { op: 'claim', templateId: String(TEMPLATE_ID) };
const batch = (userIds: unknown[], more = {}) => ({ ...CLAIM, op: 'claims', userIds, ...more });
const UPGRADE =
  'GET /v1/live HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: doorbuster.json\r\n';

let stage: FaceStage;
const clients: LiveClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  stage.close();
});

async function begin(options: StageOptions = {}): Promise<void> {
  stage = await FaceStage.open(options);
}

async function connect(headers: Record<string, string> = {}, protocol: Protocol = 'doorbuster.json') {
  const client = await LiveClient.connect(stage, protocol, headers);
  clients.push(client);
  return client;
}

const sign = createSigner({ key: SECRET, algorithm: 'HS256', noTimestamp: true });
/** A token that ends so many seconds after the stage began. */
const token = (seconds: number, claims: object = { sub: '1001' }) =>
  sign({ ...claims, exp: START_MS / 1000 + seconds });
const bearer = (text: string) => ({ Authorization: `Bearer ${text}` });

async function refusedError(client: LiveClient): Promise<Message> {
  return client.next(({ op }) => op === 'error', 'an error');
}

/** Everything a client can send, and the refusal it gets as things stand. */
async function refusals(client: LiveClient): Promise<string[]> {
  const codes = [
    (await client.ask(CLAIM)).code,
    (await client.ask({ op: 'claim', activityId: ACTIVITY_ID })).code,
    (await client.ask(batch(['1', '2']))).code,
  ];
  for (const op of ['watch', 'unwatch']) {
    client.send({ op, activityId: String(ACTIVITY_ID) });
    codes.push((await refusedError(client)).code);
  }
  return codes;
}

const ENDED = Array(5).fill('unauthenticated');

describe('a token that ends while its connection lives', () => {
  test.each(['header', 'auth frame'])('that came by %s: each frame from then on is refused', async (by) => {
    await begin({ auth: JWT });
    stage.pool().mark(true, true);
    const client = await connect(by === 'header' ? bearer(token(60)) : {});
    if (by !== 'header') {
      client.send({ op: 'auth', token: token(60) });
      await client.next(({ op }) => op === 'authenticated', 'the token is taken');
    }
    stage.nowMs = START_MS + 59_999;
    expect((await client.ask(CLAIM)).code).toBe('sold_out');
    stage.nowMs++;
    expect(await refusals(client)).toEqual(ENDED);
    expect(stage.desk.answeredHere).toBe(1);
    expect(stage.owner.requests).toEqual([]);
    expect(client.closed).toBeNull();
  });

  test('a new auth frame renews it, as often as needed; a stale or wrong one does not', async () => {
    await begin({ auth: JWT });
    stage.pool().mark(true, true);
    const client = await connect(bearer(token(60)));
    for (const end of [120, 180]) {
      stage.nowMs = START_MS + (end - 60) * 1000;
      expect((await client.ask(CLAIM)).code).toBe('unauthenticated');
      for (const stale of [token(end - 60), 'wrong']) {
        client.send({ op: 'auth', token: stale });
        expect((await refusedError(client)).code).toBe('unauthenticated');
        expect((await client.ask(CLAIM)).code).toBe('unauthenticated');
      }
      client.send({ op: 'auth', token: token(end) });
      await client.next(({ op }) => op === 'authenticated', 'the token is taken');
      expect((await client.ask(CLAIM)).code).toBe('sold_out');
    }
  });

  test('a renewal before the end lasts to its own end, and a shorter one ends sooner', async () => {
    await begin({ auth: JWT });
    stage.pool().mark(true, true);
    const client = await connect(bearer(token(60)));
    client.send({ op: 'auth', token: token(30) });
    await client.next(({ op }) => op === 'authenticated', 'the token is taken');
    stage.nowMs = START_MS + 30_000;
    expect((await client.ask(CLAIM)).code).toBe('unauthenticated');
  });

  test.each(['coupon:redeem', 'coupon:admin'])('the rights of %s end with it', async (scope) => {
    await begin({ auth: JWT });
    const client = await connect(bearer(token(60, { scope })));
    const answer = client.ask(batch(['7']));
    await stage.win(1, Verdict.claimed);
    expect((await answer).status).toEqual(['claimed']);
    stage.nowMs = START_MS + 60_000;
    expect(await refusals(client)).toEqual(ENDED);
    client.send({ op: 'auth', token: token(90, { scope }) });
    await client.next(({ op }) => op === 'authenticated', 'the token is taken');
    expect((await client.ask(batch(['7']))).status).toEqual(['already_claimed']);
  });

  test('a claim made before the end is answered after it', async () => {
    await begin({ auth: JWT });
    const client = await connect(bearer(token(60)));
    const answer = client.ask(CLAIM);
    const { slotWord } = await stage.sentOne();
    stage.nowMs = START_MS + 60_000;
    stage.shelf.sell(3, 1001);
    stage.owner.reply(slotWord, Verdict.claimed, 3);
    expect((await answer).status).toBe('claimed');
    expect((await client.ask(CLAIM)).code).toBe('unauthenticated');
  });

  test('keys, the admin token and tokens without exp do not end', async () => {
    await begin({ auth: JWT });
    stage.pool().mark(true, true);
    const all = [
      await connect(SERVICE),
      await connect({ 'X-Gateway-Key': KEY }),
      await connect(bearer(sign({ scope: 'coupon:redeem' }))),
    ];
    stage.nowMs += 1000 * 86_400_000;
    for (const client of all) expect((await client.ask(batch(['1']))).status).toEqual(['sold_out']);
  });
});

describe('who connects', () => {
  test.each<[string, Record<string, string>, string]>([
    ['a wrong token', bearer('wrong'), '401'],
    ['an ended token', bearer(token(-1)), '401'],
    ['a wrong key', { 'X-Gateway-Key': 'no' }, '401'],
    ['a user id, which is not believed here', { 'X-User-Id': '5' }, '401'],
    ['an unknown origin', { Origin: 'https://evil.example' }, '403'],
  ])('%s is refused at the upgrade', async (_what, headers, status) => {
    await begin({ auth: JWT, corsOrigins: ['https://shop.example'] });
    await expect(connect(headers)).rejects.toThrow(status);
    expect(stage.live.connections).toBe(0);
  });

  test('so is a protocol that is not spoken; a known origin is not', async () => {
    await begin({ corsOrigins: ['https://shop.example'] });
    await expect(connect({}, 'doorbuster.xml' as Protocol)).rejects.toThrow('400');
    await connect({ Origin: 'https://shop.example' });
    expect(stage.live.connections).toBe(1);
  });

  test.each([
    ['X-User-Id: 111\r\nX-User-Id: 222', 'X-User-Id'],
    [`X-User-Id: 1\r\nX-Gateway-Key: ${KEY}\r\nX-Gateway-Key: ${KEY}`, 'X-Gateway-Key'],
    [`Authorization: Bearer ${ADMIN}\r\nAuthorization: Bearer x`, 'Authorization'],
    ['Origin: https://shop.example\r\nOrigin: https://evil.example', 'Origin'],
  ])('a header sent twice is 400: %j', async (lines, field) => {
    await begin({ corsOrigins: ['https://shop.example'] });
    const answer = await exchange(stage.port, `${UPGRADE}${lines}\r\n\r\n`);
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body).errors[0].field).toBe(field);
    expect(stage.live.connections).toBe(0);
  });

  test('an upgrade with an ambiguous end takes the connection with it', async () => {
    await begin();
    const hidden = 'GET /v1/live HTTP/1.1\r\nHost: a\r\n\r\n';
    const raw = `${UPGRADE}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`;
    const answer = await exchange(stage.port, raw, { untilClosed: true });
    expect(answer.status).toBe(400);
    expect(answer.text.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  test('nobody claims without a credential; watching needs none', async () => {
    await begin();
    const client = await connect();
    expect((await client.ask(CLAIM)).code).toBe('unauthenticated');
    expect((await client.ask(batch(['1']))).code).toBe('unauthenticated');
    client.send({ op: 'watch', activityId: ACTIVITY_ID });
    await client.next(({ op }) => op === 'stock', 'the figure');
  });

  test('users have no batches, services no claims of their own', async () => {
    await begin();
    expect((await (await connect({ 'X-User-Id': '1' })).ask(batch(['1']))).code).toBe('forbidden');
    expect((await (await connect(SERVICE)).ask(CLAIM)).code).toBe('forbidden');
  });
});

describe('how often', () => {
  test('a user, over all of its connections', async () => {
    await begin({ userPerSecond: 2 });
    stage.pool().mark(true, true);
    const codes = [];
    for (let i = 0; i < 6; i++) codes.push((await (await connect({ 'X-User-Id': '1' })).ask(CLAIM)).code);
    expect(codes).toEqual([...Array(4).fill('sold_out'), 'rate_limited', 'rate_limited']);
    expect((await (await connect(SERVICE)).ask(batch(Array(50).fill('1')))).status).toHaveLength(50);
  });

  test('an address: the peer, or the client of the gateway that upgraded', async () => {
    await begin({ addressPerSecond: 2, auth: { gatewayKey: KEY } });
    stage.pool().mark(true, true);
    const codes = async (users: number, forwarded: (i: number) => string) => {
      const all = [];
      for (let i = 1; i <= users; i++) {
        const headers = { 'X-User-Id': String(i), 'X-Gateway-Key': KEY, 'X-Forwarded-For': forwarded(i) };
        all.push((await (await connect(headers)).ask(CLAIM)).code);
      }
      return all;
    };
    expect(await codes(8, (i) => `192.0.2.${i}`)).toEqual(Array(8).fill('sold_out'));
    expect(await codes(6, (i) => `10.0.0.${i}, 203.0.113.9`)).toEqual([
      ...Array(4).fill('sold_out'),
      'rate_limited',
      'rate_limited',
    ]);
  });

  test('the same address by HTTP and by WebSocket is one', async () => {
    await begin({ addressPerSecond: 2 });
    stage.pool().mark(true, true);
    const client = await connect({ 'X-User-Id': '1' });
    for (let i = 0; i < 4; i++) expect((await client.ask(CLAIM)).code).toBe('sold_out');
    const raw = 'POST /v1/templates/3/claims HTTP/1.1\r\nHost: a\r\nX-User-Id: 2\r\n\r\n';
    expect((await exchange(stage.port, raw)).status).toBe(429);
  });
});

describe.each(['doorbuster.json', 'doorbuster.msgpack'] as const)('claims in %s', (protocol) => {
  test('a user wins, and gets the same again', async () => {
    await begin();
    const client = await connect({ 'X-User-Id': '1001' }, protocol);
    const answer = client.ask({ ...CLAIM, key: 'a' });
    const [{ slotWord, words }] = await stage.sent(1);
    expect(words.slice(1, 6)).toEqual([TEMPLATE_ID, 0, 0, 1001, 0]);
    expect(words.slice(6)).not.toEqual([0, 0]);
    stage.shelf.sell(5, 1001);
    stage.owner.reply(slotWord, Verdict.claimed, 5);
    const won = await answer;
    expect(won).toMatchObject({ op: 'result', status: 'claimed', couponId: String(3 * 2 ** 32 + 5) });
    const again = await client.ask(CLAIM);
    expect(again).toEqual({ ...won, id: again.id, status: 'already_claimed' });
  });

  test('refusals bear code, detail and what else is known', async () => {
    await begin({ activity: { startsAtMs: START_MS + 1000 } });
    const client = await connect({ 'X-User-Id': '1001' }, protocol);
    expect(await client.ask({ op: 'claim', activityId: ACTIVITY_ID })).toMatchObject({
      op: 'result',
      code: 'not_started',
      detail: expect.any(String),
      startsAt: new Date(START_MS + 1000).toISOString(),
    });
    expect((await client.ask({ op: 'claim', templateId: 4 })).code).toBe('not_found');
    stage.ownerDown();
    expect((await client.ask(CLAIM)).code).toBe('unavailable');
  });

  test('a batch is answered in its order, whatever order the owner answers in', async () => {
    await begin();
    stage.shelf.sell(0, 50);
    const client = await connect(SERVICE, protocol);
    const userIds = ['10', 'nobody', 11, '9223372036854775807', 0, 1.5, '50', '12', null];
    const keys = [null, null, 'k', null, null, null, null, null, null];
    const answer = client.ask(batch(userIds, { keys }));
    const requests = await stage.sent(4);
    expect(requests.map(({ words }) => words[4] >>> 0)).toEqual([10, 11, 0xffff_ffff, 12]);
    expect(requests.map(({ words }) => words[6] !== 0)).toEqual([false, true, false, false]);
    stage.shelf.sell(1, 10);
    stage.shelf.sell(2, 12);
    stage.pool().mark(true, true);
    const verdicts = [
      [Verdict.claimed, 1],
      [Verdict.soldOut, 0],
      [Verdict.overloaded, 0],
      [Verdict.claimed, 2],
    ];
    for (const i of [3, 1, 0, 2]) stage.owner.reply(requests[i].slotWord, verdicts[i][0], verdicts[i][1]);
    const { op, status, couponIds, couponCodes } = await answer;
    expect(op).toBe('results');
    expect(status).toEqual([
      'claimed',
      'invalid_request',
      'sold_out',
      'overloaded',
      'invalid_request',
      'invalid_request',
      'already_claimed',
      'claimed',
      'invalid_request',
    ]);
    const id = (serial: number) => String(3 * 2 ** 32 + serial);
    for (const [place, serial] of [
      [0, 1],
      [6, 0],
      [7, 2],
    ])
      expect(couponIds[place]).toBe(id(serial));
    for (const place of [1, 4, 5, 8]) expect([couponIds[place], couponCodes[place]]).toEqual([null, null]);
    expect(couponCodes[0]).toMatch(/^\d{18}$/);
    expect([couponIds.length, couponCodes.length]).toEqual([9, 9]);
  });

  test('claims beyond what can be in flight are overloaded, each in its place', async () => {
    await begin();
    const client = await connect(SERVICE, protocol);
    const userIds = Array.from({ length: 100 }, (_, i) => String(i + 1));
    // The ring of the stage holds 64: what is published with one turn of the loop is all there is room for.
    const answer = client.ask(batch(userIds));
    const requests = await stage.sent(64);
    expect(requests.length).toBeLessThan(SLOTS);
    for (const { slotWord } of requests) stage.owner.reply(slotWord, Verdict.unavailable);
    const { status } = await answer;
    expect(status.slice(0, 64)).toEqual(Array(64).fill('unavailable'));
    expect(status.slice(64)).toEqual(Array(36).fill('overloaded'));
  });

  test('malformed messages are named; the third closes with 1007', async () => {
    await begin();
    const malformed: unknown[] = [
      'text',
      [],
      null,
      {},
      { op: 'sing' },
      { op: 'constructor' },
      { op: 'claim', templateId: '3' },
      { op: 'claim', id: 1 },
      { op: 'claim', id: 1, templateId: '3', activityId: '12' },
      { op: 'claim', id: 1.5, templateId: '3' },
      { op: 'claim', id: 'x'.repeat(65), templateId: '3' },
      { op: 'claim', id: 1, templateId: 0 },
      { op: 'claim', id: 1, templateId: '3', key: 'two words' },
      { op: 'claim', id: 1, templateId: '3', userId: '5' },
      { op: 'claims', id: 1, templateId: '3', userIds: [] },
      { op: 'claims', id: 1, templateId: '3', userIds: Array(257).fill(1) },
      { op: 'claims', id: 1, templateId: '3', userIds: ['1'], keys: [] },
      { op: 'watch', activityId: 'x' },
      { op: 'unwatch' },
      { op: 'auth' },
      { op: 'auth', token: null },
    ];
    while (malformed.length > 0) {
      const client = await connect(SERVICE, protocol);
      for (const [i, message] of malformed.splice(0, 3).entries()) {
        expect(client.closed).toBeNull();
        client.send(message);
        expect({ message, ...(await refusedError(client)) }).toMatchObject({
          message,
          code: 'invalid_request',
          detail: expect.any(String),
        });
        // What is right in between is answered, and forgives nothing.
        if (i < 2) expect((await client.ask({ op: 'claim', templateId: 9 })).code).toBe('forbidden');
      }
      await until(() => client.closed === 1007, 'the third closes the connection');
    }
    await until(() => stage.live.connections === 0, 'all of them are gone');
    expect(stage.desk.inFlight + stage.desk.answeredHere).toBe(0);
  });

  test('bytes that are no message, or of the other kind of frame, are malformed too', async () => {
    await begin();
    const binary = protocol === 'doorbuster.msgpack';
    const client = await connect(SERVICE, protocol);
    client.raw(binary ? Buffer.from([0xc1]) : '{"op"', binary);
    await refusedError(client);
    client.raw('{"op":"claim","id":1,"templateId":3}', !binary);
    await refusedError(client);
    client.raw(binary ? Buffer.from([0x81, 0xa2]) : '{"op":"claim"', binary);
    await refusedError(client);
    await until(() => client.closed === 1007, 'the third closes the connection');
  });
});

test('text that is not UTF-8 ends the connection without a claim', async () => {
  await begin();
  const client = await connect(SERVICE);
  client.raw(Buffer.from([0x7b, 0xff, 0xfe]), false);
  await until(() => client.closed !== null, 'the connection ends');
  await until(() => stage.live.connections === 0, 'the server has let it go');
});

test('a message over the bound ends the connection', async () => {
  await begin();
  const client = await connect(SERVICE);
  client.raw(' '.repeat(16 * 1024 + 1), false);
  await until(() => client.closed !== null, 'the connection ends');
});

describe('what goes away', () => {
  test('a client that left with claims in flight: their slots come back with the replies', async () => {
    await begin();
    const client = await connect(SERVICE);
    client.send({ ...batch(['1', '2', '3']), id: 1 });
    const requests = await stage.sent(3);
    client.close();
    await until(() => stage.live.connections === 0, 'the server has seen it go');
    expect(stage.desk.inFlight).toBe(3);
    for (const [i, { slotWord }] of requests.entries()) {
      stage.shelf.sell(i, i + 1);
      stage.owner.reply(slotWord, Verdict.claimed, i);
    }
    await until(() => stage.desk.inFlight === 0, 'the slots are free');
    const { status } = await (await connect(SERVICE)).ask(batch(['1', '2', '3']));
    expect(status).toEqual(Array(3).fill('already_claimed'));
  });

  test('an owner that goes answers what it had', async () => {
    await begin();
    const client = await connect(SERVICE);
    const answer = client.ask(batch(['1', '2']));
    await stage.sent(2);
    stage.ownerDown();
    expect((await answer).status).toEqual(['unavailable', 'unavailable']);
  });

  test('a server that stops refuses claims and connections, answers what it has, and says goodbye', async () => {
    await begin();
    const client = await connect({ 'X-User-Id': '1001' });
    const service = await connect(SERVICE);
    const answer = client.ask(CLAIM);
    const { slotWord } = await stage.sentOne();
    stage.live.draining = true;
    expect((await client.ask(CLAIM)).code).toBe('unavailable');
    expect((await service.ask(batch(['1']))).code).toBe('unavailable');
    await expect(connect()).rejects.toThrow('503');
    stage.shelf.sell(1, 1001);
    stage.owner.reply(slotWord, Verdict.claimed, 1);
    expect((await answer).status).toBe('claimed');
    stage.live.closeAll();
    for (const one of [client, service]) await until(() => one.closed === 1001, 'it is told to go elsewhere');
    await until(() => stage.live.connections === 0, 'all are gone');
  });

  test('a half upgrade leaves nothing behind', async () => {
    await begin();
    const socket = await open(stage.port);
    socket.write(UPGRADE);
    socket.destroy();
    await connect();
    expect(stage.live.connections).toBe(1);
  });
});

describe('watching', () => {
  test('the figure at once, each change, the final 0; unwatched, nothing more', async () => {
    await begin();
    const [client, packed, gone] = [
      await connect(),
      await connect({}, 'doorbuster.msgpack'),
      await connect(),
    ];
    for (const one of [client, packed, gone]) {
      one.send({ op: 'watch', activityId: ACTIVITY_ID });
      expect(await one.next(({ op }) => op === 'stock', 'the figure')).toEqual({
        op: 'stock',
        activityId: String(ACTIVITY_ID),
        remaining: 100,
        state: 'running',
      });
    }
    gone.send({ op: 'unwatch', activityId: ACTIVITY_ID });
    gone.send({ op: 'unwatch', activityId: ACTIVITY_ID });
    // Answered in order: once this is here, the unwatch was done.
    await gone.ask(CLAIM);
    for (const remaining of [60, 0]) {
      stage.remaining = remaining;
      for (const one of [client, packed])
        await one.next((message) => message.remaining === remaining, `${remaining} are left`);
    }
    expect(gone.messages).toEqual([]);
    client.send({ op: 'watch', activityId: 13 });
    expect((await refusedError(client)).code).toBe('not_found');
  });
});
