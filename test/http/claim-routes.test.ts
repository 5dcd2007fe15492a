/** Every answer of the claim routes, and what becomes of claims whose client, body or server goes away. */
import { afterEach, describe, expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { until } from '../claims/desk-stage.ts';
import { ACTIVITY_ID, ADMIN, claim, codeOf, FaceStage, START_MS, type StageOptions } from './face-stage.ts';
import { exchange, open } from './raw-http.ts';

const KEY = 'the-gateway-key-of-the-stage';
const ACTIVITY_PATH = `/v1/activities/${ACTIVITY_ID}/claims`;

let stage: FaceStage;
afterEach(() => stage.close());

async function begin(options: StageOptions = {}): Promise<FaceStage> {
  stage = await FaceStage.open(options);
  return stage;
}

/** Claims, and the owner says so. */
async function decided(verdict: number, serial = 0, lines?: readonly string[]) {
  const answer = claim(stage.port, lines);
  const { slotWord } = await stage.sentOne();
  stage.owner.reply(slotWord, verdict, serial);
  return answer;
}

describe('what the owner says', () => {
  test('201 with the coupon, then 200 with the same one', async () => {
    await begin();
    const first = claim(stage.port);
    await stage.win(5, Verdict.claimed);
    const won = await first;
    expect(won.status).toBe(201);
    expect(won.headers['content-type']).toBe('application/json');
    const coupon = JSON.parse(won.body);
    expect(coupon).toMatchObject({
      status: 'claimed',
      couponId: String(3 * 2 ** 32 + 5),
      couponCode: expect.stringMatching(/^\d{18}$/),
      templateId: '3',
      claimedAt: new Date(START_MS).toISOString(),
      validFrom: expect.any(String),
      validUntil: expect.any(String),
    });
    const again = await claim(stage.port);
    expect(again.status).toBe(200);
    expect(JSON.parse(again.body)).toEqual({ ...coupon, status: 'already_claimed' });
    expect(stage.owner.requests).toEqual([]);
  });

  test('of an activity too, which the answer names', async () => {
    await begin();
    const first = claim(stage.port, undefined, ACTIVITY_PATH);
    await stage.win(7, Verdict.claimed);
    expect(JSON.parse((await first).body)).toMatchObject({
      status: 'claimed',
      activityId: String(ACTIVITY_ID),
    });
  });

  test('the key is told to the owner, and none is none', async () => {
    await begin({ template: { perUserLimit: 3 } });
    const keys = [];
    for (const lines of [[], ['Idempotency-Key: a'], ['Idempotency-Key: a'], ['Idempotency-Key: b']]) {
      const answer = claim(stage.port, ['X-User-Id: 9223372036854775807', ...lines]);
      const { slotWord, words } = await stage.sentOne();
      expect(words.slice(4, 6).map((word) => word >>> 0)).toEqual([0xffff_ffff, 0x7fff_ffff]);
      keys.push(`${words[6]},${words[7]}`);
      stage.owner.reply(slotWord, Verdict.soldOut);
      await answer;
    }
    expect(keys[0]).toBe('0,0');
    expect(keys[1]).toBe(keys[2]);
    expect(new Set(keys).size).toBe(3);
  });

  test.each([
    ['soldOut', 409, 'sold_out'],
    ['ended', 409, 'ended'],
    ['notActive', 409, 'not_active'],
    ['notEligible', 403, 'not_eligible'],
    ['notFound', 404, 'not_found'],
  ] as const)('%s is %i %s', async (verdict, status, code) => {
    await begin();
    // Else the desk takes the owner's word for outdated.
    stage.pool().mark(true, false);
    const answer = await decided(Verdict[verdict]);
    expect(codeOf(answer)).toEqual([status, code]);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(answer.body)).toMatchObject({ status, title: expect.any(String) });
  });

  test.each(['unavailable', 'overloaded'] as const)('%s is 503 with Retry-After', async (verdict) => {
    await begin();
    const answer = await decided(Verdict[verdict]);
    expect(codeOf(answer)).toEqual([503, verdict]);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  });

  test('limit_reached names what the user holds', async () => {
    await begin({ template: { perUserLimit: 2 } });
    stage.shelf.sell(1, 1001);
    stage.shelf.sell(8, 1001);
    const answer = await decided(Verdict.limitReached, 8);
    expect(codeOf(answer)).toEqual([409, 'limit_reached']);
    expect(JSON.parse(answer.body).couponIds).toEqual([8, 1].map((serial) => String(3 * 2 ** 32 + serial)));
  });

  test('not_started names the time', async () => {
    await begin({ template: { claimFromMs: START_MS + 60_000 } });
    const answer = await claim(stage.port);
    expect(codeOf(answer)).toEqual([409, 'not_started']);
    expect(JSON.parse(answer.body).startsAt).toBe(new Date(START_MS + 60_000).toISOString());
    expect(stage.desk.answeredHere).toBe(1);
  });
});

test('a claim that cannot be handled loses its connection, and no other does', async () => {
  const faults: unknown[] = [];
  await begin({ onFault: (error) => faults.push(error) });
  const { pools } = stage.shelf.view;
  const pool = pools.get(0)!;
  Object.defineProperty(pool, 'settled', {
    configurable: true,
    get: () => {
      throw new Error('of the test');
    },
  });
  expect(await claim(stage.port)).toMatchObject({ status: 0 });
  expect(faults).toMatchObject([{ message: 'of the test' }]);
  delete (pool as { settled?: boolean }).settled;
  const answer = claim(stage.port);
  await stage.win(0, Verdict.claimed);
  expect((await answer).status).toBe(201);
});

describe('what needs no owner', () => {
  test.each<[string, NonNullable<StageOptions['template']>, number, string]>([
    ['ended', { claimUntilMs: START_MS }, 409, 'ended'],
    ['disabled', { status: 'disabled' }, 409, 'not_active'],
    ['for grants only', { distribution: 'grant' }, 403, 'not_eligible'],
  ])('%s', async (_what, template, status, code) => {
    await begin({ template });
    expect(codeOf(await claim(stage.port))).toEqual([status, code]);
    expect(stage.desk.answeredHere).toBe(1);
  });

  test('sold out, once everybody is known', async () => {
    await begin();
    stage.pool().mark(true, true);
    expect(codeOf(await claim(stage.port))).toEqual([409, 'sold_out']);
  });

  test('no owner, or too much unflushed: unavailable', async () => {
    await begin();
    stage.desk.lagging = true;
    expect(codeOf(await claim(stage.port))).toEqual([503, 'unavailable']);
    stage.desk.lagging = false;
    stage.ownerDown();
    expect(codeOf(await claim(stage.port))).toEqual([503, 'unavailable']);
  });

  test('an owner that goes answers what it had', async () => {
    await begin();
    const answer = claim(stage.port);
    await stage.sentOne();
    stage.ownerDown();
    expect(codeOf(await answer)).toEqual([503, 'unavailable']);
    expect(stage.desk.inFlight).toBe(0);
  });

  test.each([
    '/v1/templates/4/claims',
    '/v1/templates/0/claims',
    '/v1/templates/2097152/claims',
    '/v1/templates/x/claims',
    '/v1/templates/-3/claims',
    '/v1/templates/3.0/claims',
    '/v1/templates/00000000003/claims',
    '/v1/activities/3/claims',
    '/v1/activities/2147483648/claims',
  ])('%s is not there', async (path) => {
    await begin();
    expect(codeOf(await claim(stage.port, undefined, path))).toEqual([404, 'not_found']);
  });
});

describe('who claims', () => {
  test('401 without, with a wrong one, 403 without a user', async () => {
    await begin({ auth: { gatewayKey: KEY } });
    const key = `X-Gateway-Key: ${KEY}`;
    for (const lines of [
      [],
      ['X-User-Id: 1'],
      ['X-User-Id: 1', 'X-Gateway-Key: no'],
      ['X-User-Id: x', key],
      ['X-User-Id: 9223372036854775808', key],
      ['Authorization: Bearer no', 'X-User-Id: 1'],
    ]) {
      const answer = await claim(stage.port, lines);
      expect({ lines, answer: codeOf(answer) }).toEqual({ lines, answer: [401, 'unauthenticated'] });
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
    expect(codeOf(await claim(stage.port, [key]))).toEqual([403, 'forbidden']);
    expect(codeOf(await claim(stage.port, [`Authorization: Bearer ${ADMIN}`]))).toEqual([403, 'forbidden']);
    expect(stage.desk.answeredHere).toBe(0);
  });

  test.each([
    ['X-User-Id', ['X-User-Id: 222']],
    ['X-User-Id', ['x-user-id: 111']],
    ['X-User-Id', ['X-User-Id:']],
    ['X-Gateway-Key', [`X-Gateway-Key: ${KEY}`]],
    ['X-Gateway-Key', ['X-Gateway-Key: other']],
    ['Authorization', ['Authorization: Bearer a', 'Authorization: Bearer b']],
    ['Idempotency-Key', ['Idempotency-Key: a', 'Idempotency-Key: b']],
    ['Origin', ['Origin: https://shop.example', 'Origin: https://evil.example']],
  ])('%s sent twice is 400 and nobody’s claim: %j', async (field, more) => {
    await begin({ auth: { gatewayKey: KEY } });
    const lines = ['X-User-Id: 111', `X-Gateway-Key: ${KEY}`, ...more];
    for (const path of [undefined, ACTIVITY_PATH]) {
      for (const order of [lines, [...lines].reverse(), [...lines, 'Content-Length: 0']]) {
        const answer = await claim(stage.port, order, path);
        expect(codeOf(answer)).toEqual([400, 'invalid_request']);
        expect(JSON.parse(answer.body).errors).toEqual([
          { field, problem: expect.any(String), allowed: expect.any(String) },
        ]);
      }
    }
    const withBody = await claim(stage.port, [...lines, 'Content-Length: 2'], undefined, '{}');
    expect(codeOf(withBody)).toEqual([400, 'invalid_request']);
    expect(stage.desk.inFlight + stage.desk.answeredHere).toBe(0);
  });

  test('several X-Forwarded-For are a list and no mistake', async () => {
    await begin();
    const lines = ['X-User-Id: 1001', 'X-Forwarded-For: 192.0.2.1', 'X-Forwarded-For: 192.0.2.2'];
    expect((await decided(Verdict.soldOut, 0, lines)).status).toBe(503);
  });

  test('a key that is none is 400', async () => {
    await begin();
    for (const key of ['two words', 'aüb', 'x'.repeat(201)])
      expect(codeOf(await claim(stage.port, ['X-User-Id: 1001', `Idempotency-Key: ${key}`]))).toEqual([
        400,
        'invalid_request',
      ]);
  });

  test('named origins may read the answer', async () => {
    await begin({ corsOrigins: ['https://shop.example'] });
    stage.pool().mark(true, true);
    const from = (origin: string) => claim(stage.port, ['X-User-Id: 1', `Origin: ${origin}`]);
    expect((await from('https://shop.example')).headers['access-control-allow-origin']).toBe(
      'https://shop.example',
    );
    expect((await from('https://evil.example')).headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('how often', () => {
  /** Claims that are answered at once; how many of `count` got past the limiter. */
  async function admitted(count: number, lines: (i: number) => string[]): Promise<number> {
    stage.pool().mark(true, true);
    let passed = 0;
    for (let i = 0; i < count; i++) {
      const answer = await claim(stage.port, lines(i));
      if (answer.status === 409) passed++;
      else {
        expect(codeOf(answer)).toEqual([429, 'rate_limited']);
        expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
      }
    }
    return passed;
  }

  test('a user: the burst, then no more; others are not touched', async () => {
    await begin({ userPerSecond: 2 });
    expect(await admitted(6, () => ['X-User-Id: 1'])).toBe(4);
    expect(await admitted(1, () => ['X-User-Id: 2'])).toBe(1);
    stage.nowMs += 500;
    expect(await admitted(2, () => ['X-User-Id: 1'])).toBe(1);
  });

  test('a peer, whatever it writes into X-Forwarded-For', async () => {
    await begin({ addressPerSecond: 2, auth: { auth: 'jwt', jwtSecret: 'x'.repeat(32), gatewayKey: KEY } });
    const nobody = (i: number) => [`Authorization: Bearer x`, `X-Forwarded-For: 192.0.2.${i}`];
    expect(codeOf(await claim(stage.port, nobody(1)))).toEqual([401, 'unauthenticated']);
    stage.close();
    await begin({ addressPerSecond: 2 });
    expect(await admitted(6, (i) => [`X-User-Id: ${i + 1}`, `X-Forwarded-For: 192.0.2.${i}`])).toBe(4);
  });

  test('the clients of a gateway, each for itself', async () => {
    await begin({ addressPerSecond: 2, auth: { gatewayKey: KEY } });
    const from = (i: number, forwarded: string) => [
      `X-User-Id: ${i + 1}`,
      `X-Gateway-Key: ${KEY}`,
      `X-Forwarded-For: ${forwarded}`,
    ];
    // A whole sale through one gateway.
    expect(await admitted(40, (i) => from(i, `192.0.2.${i}`))).toBe(40);
    // One client, however it is written and whatever it wrote in front.
    const forms = ['203.0.113.9', '10.0.0.1, 203.0.113.9', '203.0.113.9:4711', '[::ffff:203.0.113.9]:80'];
    expect(await admitted(8, (i) => from(i, forms[i % 4]))).toBe(4);
    expect(await admitted(4, (i) => [...from(i, `192.0.2.${100 + i}`), 'X-Forwarded-For: 203.0.113.9'])).toBe(
      0,
    );
    expect(await admitted(8, (i) => from(i, `2001:db8::${i}`))).toBe(4);
    expect(stage.warnings).toEqual([]);
  });

  test('a gateway that tells no address is counted itself, and that is said once', async () => {
    await begin({ addressPerSecond: 2, auth: { gatewayKey: KEY } });
    const lines = (i: number) => [
      `X-User-Id: ${i + 1}`,
      `X-Gateway-Key: ${KEY}`,
      ...(i % 2 === 0 ? [] : ['X-Forwarded-For: 192.0.2.1, unknown']),
    ];
    expect(await admitted(8, lines)).toBe(4);
    expect(stage.warnings).toEqual([expect.stringContaining('RATE_LIMIT_ADDRESS')]);
  });
});

describe('bodies', () => {
  const withBody = (body: string, length = Buffer.byteLength(body)) =>
    claim(stage.port, ['X-User-Id: 1001', `Content-Length: ${length}`], undefined, body);

  test('none, an empty one and {} claim', async () => {
    await begin();
    stage.pool().mark(true, true);
    for (const body of ['', '{}', ' { } ']) expect(codeOf(await withBody(body))).toEqual([409, 'sold_out']);
    const chunked = ['X-User-Id: 1001', 'Transfer-Encoding: chunked'];
    expect(codeOf(await claim(stage.port, chunked, undefined, '2\r\n{}\r\n0\r\n\r\n'))).toEqual([
      409,
      'sold_out',
    ]);
  });

  test('the answer of an owner comes to a claim with a body as well', async () => {
    await begin();
    const answer = withBody('{}');
    await stage.win(2, Verdict.claimed);
    expect((await answer).status).toBe(201);
  });

  test.each([
    ['{"a":1}', 'invalid_request'],
    ['[]', 'invalid_request'],
    ['null', 'invalid_request'],
    ['{', 'malformed_json'],
    ['  ', 'malformed_json'],
  ])('%s is refused and claims nothing', async (body, code) => {
    await begin();
    expect(codeOf(await withBody(body))).toEqual([400, code]);
    expect(stage.desk.inFlight + stage.desk.answeredHere).toBe(0);
  });

  test('what is wrong with the claim comes before what is wrong with its body', async () => {
    await begin();
    const answer = await claim(stage.port, ['Content-Length: 1'], undefined, '{');
    expect(codeOf(answer)).toEqual([401, 'unauthenticated']);
  });

  test('over 64 KiB is 413, announced or not, and the connection goes', async () => {
    await begin();
    const announced =
      'POST /v1/templates/3/claims HTTP/1.1\r\nHost: a\r\nX-User-Id: 1\r\nContent-Length: 65537\r\n\r\n';
    const answer = await exchange(stage.port, announced, { untilClosed: true });
    expect(codeOf(answer)).toEqual([413, 'payload_too_large']);
    const chunk = `8000\r\n${' '.repeat(0x8000)}\r\n`;
    const chunked = `POST /v1/templates/3/claims HTTP/1.1\r\nHost: a\r\nX-User-Id: 1\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const grown = await exchange(stage.port, [chunked, chunk, chunk, chunk], { untilClosed: true });
    expect(codeOf(grown)).toEqual([413, 'payload_too_large']);
    expect(stage.desk.inFlight).toBe(0);
  });

  test.each([
    'Content-Length: 0\r\nContent-Length: 40',
    'Content-Length:\r\nContent-Length: 2',
    'Content-Length: +2',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
    'Content-Length: 2\r\nTransfer-Encoding: chunked',
  ])('an ambiguous end is 400 and the connection goes: %j', async (lines) => {
    await begin();
    const hidden = 'POST /v1/templates/3/claims HTTP/1.1\r\nHost: a\r\nX-User-Id: 666\r\n\r\n';
    const raw = `POST /v1/templates/3/claims HTTP/1.1\r\nHost: a\r\nX-User-Id: 1\r\n${lines}\r\n\r\n${hidden}`;
    const answer = await exchange(stage.port, raw, { untilClosed: true });
    expect(answer.status).toBe(400);
    expect(answer.text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(stage.desk.inFlight + stage.desk.answeredHere).toBe(0);
  });
});

describe('what goes away', () => {
  const waiting = (): unknown[] =>
    (Reflect.get(stage.claims, 'responses') as unknown[]).filter((response) => response !== null);

  test('a client that left gets no answer; its slot comes back with the reply', async () => {
    await begin();
    const socket = await open(stage.port);
    socket.write('POST /v1/templates/3/claims HTTP/1.1\r\nHost: a\r\nX-User-Id: 1001\r\n\r\n');
    const { slotWord } = await stage.sentOne();
    expect(waiting()).toHaveLength(1);
    socket.destroy();
    await until(() => waiting().length === 0, 'the server has seen it go');
    expect(stage.desk.inFlight).toBe(1);
    stage.shelf.sell(4, 1001);
    stage.owner.reply(slotWord, Verdict.claimed, 4);
    await until(() => stage.desk.inFlight === 0, 'the slot is free');
    // The claim counts: whoever lost the answer asks again.
    expect(JSON.parse((await claim(stage.port)).body).couponId).toBe(String(3 * 2 ** 32 + 4));
  });

  test('a client that leaves in the middle of its body claims nothing', async () => {
    await begin();
    const socket = await open(stage.port);
    socket.write(
      'POST /v1/templates/3/claims HTTP/1.1\r\nHost: a\r\nX-User-Id: 1001\r\nContent-Length: 2\r\n\r\n{',
    );
    socket.destroy();
    stage.pool().mark(true, true);
    expect(codeOf(await claim(stage.port))).toEqual([409, 'sold_out']);
    expect(stage.owner.requests).toEqual([]);
  });

  test('a server that stops answers what it has and refuses what comes', async () => {
    await begin();
    const answer = claim(stage.port);
    const { slotWord } = await stage.sentOne();
    stage.claims.draining = true;
    const late = await claim(stage.port, ['X-User-Id: 7']);
    expect(codeOf(late)).toEqual([503, 'unavailable']);
    expect(late.headers['retry-after']).toBe('1');
    stage.shelf.sell(1, 1001);
    stage.owner.reply(slotWord, Verdict.claimed, 1);
    expect((await answer).status).toBe(201);
  });

  test('one claim of sixteen is timed', async () => {
    await begin();
    const seconds: number[] = [];
    stage.claims.onTimed = (one) => seconds.push(one);
    for (let user = 1; user <= 17; user++) await decided(Verdict.unavailable, 0, [`X-User-Id: ${user}`]);
    expect(seconds).toHaveLength(2);
    for (const one of seconds) expect(one).toBeGreaterThan(0);
  });
});
