/** What the contract says a claim is answered with. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ClaimsBook, type Sale } from '../support/book.ts';
import { checkPromises, checkRecords, sellTheRest, stockOf } from '../support/check.ts';
import { Connection, overMany } from '../support/connection.ts';
import { claim, claimPath } from '../support/crowd.ts';
import { newActivity, newTemplate, templateBody } from '../support/sales.ts';
import { type Server, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const FOUR = { OWNER_THREADS: '4' };
let server: Server;
let connection: Connection;
let nextUser = 1;

beforeAll(async () => {
  server = await startServer({ env: FOUR });
  connection = await Connection.open(server.port);
});
afterAll(async () => {
  connection.close();
  await server.destroy();
});

function freshUser(): string {
  return String(nextUser++);
}

function claimAs(userId: string, sale: Sale, key: string | null = null) {
  return claim(connection, new ClaimsBook(), { sale, userId, key });
}

describe('a claim', () => {
  test('won: 201 with every member; repeated: 200 with the same coupon', async () => {
    const validity = { from: '2026-01-01T00:00:00.000Z', until: '2099-01-01T00:00:00.000Z' };
    const sale = await newTemplate(server, { validity });
    const user = freshUser();
    const won = await claimAs(user, sale);
    expect(won.status).toBe(201);
    expect(won.headers['content-type']).toBe('application/json');
    expect(won.json).toEqual({
      status: 'claimed',
      couponId: String(Number(sale.templateId) * 2 ** 32 + (Number(won.json.couponId) % 2 ** 32)),
      couponCode: expect.stringMatching(/^[0-9A-Z-]{8,}$/),
      templateId: sale.templateId,
      claimedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      validFrom: validity.from,
      validUntil: validity.until,
    });
    const again = await claimAs(user, sale);
    expect(again.status).toBe(200);
    expect(again.json).toEqual({ ...won.json, status: 'already_claimed' });
    const mine = await connection.request({ path: '/v1/me/coupons', headers: { 'X-User-Id': user } });
    expect(mine.json.items).toMatchObject([{ couponId: won.json.couponId, couponCode: won.json.couponCode }]);
    const code = await server.must(200, 'GET', `/v1/codes/${won.json.couponCode}`);
    expect(code).toMatchObject({ couponId: won.json.couponId, userId: user });
    const typed = encodeURIComponent(` ${won.json.couponCode.replace(/(.{6})/g, '$1–')} `);
    expect(await server.must(200, 'GET', `/v1/codes/${typed}`)).toEqual(code);
  });

  test('with daysAfterClaim is valid from the claim on for so many days', async () => {
    const sale = await newTemplate(server, { validity: { daysAfterClaim: 3 } });
    const { json } = await claimAs(freshUser(), sale);
    expect(json.validFrom).toBe(json.claimedAt);
    expect(Date.parse(json.validUntil) - Date.parse(json.validFrom)).toBe(3 * 86_400_000);
  });

  test('above the limit: 409 limit_reached with all coupon ids; a key answers its claim again', async () => {
    const sale = await newTemplate(server, { perUserLimit: 3 });
    const user = freshUser();
    const keyed = await claimAs(user, sale, 'order-1');
    const keyedAgain = await claimAs(user, sale, 'order-1');
    const plain = [await claimAs(user, sale), await claimAs(user, sale)];
    expect([keyed.status, keyedAgain.status, ...plain.map(({ status }) => status)]).toEqual([
      201, 200, 201, 201,
    ]);
    expect(keyedAgain.json.couponId).toBe(keyed.json.couponId);
    const ids = [keyed, ...plain].map(({ json }) => json.couponId);
    expect(new Set(ids).size).toBe(3);
    const refused = await claimAs(user, sale);
    expect(refused.status).toBe(409);
    expect(refused.headers['content-type']).toBe('application/problem+json');
    expect(refused.json).toMatchObject({ status: 409, code: 'limit_reached', title: expect.any(String) });
    expect([...refused.json.couponIds].sort()).toEqual([...ids].sort());
    expect((await claimAs(user, sale, 'order-1')).json.couponId).toBe(keyed.json.couponId);
    expect((await claimAs(user, sale, 'order-2')).json.code).toBe('limit_reached');
  });

  test('many at once of one user never pass the limit, and one key is one coupon', async () => {
    const sale = await newTemplate(server, { perUserLimit: 2 });
    const book = new ClaimsBook();
    const [user, other] = [freshUser(), freshUser()];
    const tries = Array.from({ length: 40 }, (_, i) => i);
    await overMany(server.port, tries, async (one, i) => {
      await claim(one, book, { sale, userId: i % 2 === 0 ? user : other, key: i % 2 === 0 ? null : 'k' });
    });
    expect(book.count('claimed')).toBe(3);
    expect(book.count('limit_reached')).toBe(18);
    expect(book.count('already_claimed')).toBe(19);
    await checkPromises(server, book, [sale]);
  });

  test('before its time: not_started with startsAt; after it: ended; a repeat is answered still', async () => {
    const startsMs = Date.now() + 400;
    const claimFrom = new Date(startsMs).toISOString();
    const claimUntil = new Date(startsMs + 700).toISOString();
    const sale = await newTemplate(server, { claimFrom, claimUntil });
    const user = freshUser();
    const early = await claimAs(user, sale);
    expect(early).toMatchObject({ status: 409, json: { code: 'not_started', startsAt: claimFrom } });
    const won = await until(async () => {
      const answer = await claimAs(user, sale);
      return answer.status === 201 && answer;
    }, 'the window opens');
    expect(Date.parse(won.json.claimedAt)).toBeGreaterThanOrEqual(startsMs);
    await until(async () => (await claimAs(freshUser(), sale)).json.code === 'ended', 'the window closes');
    const again = await claimAs(user, sale);
    expect(again).toMatchObject({ status: 200, json: { couponId: won.json.couponId } });
  });

  test('refused for good tells a holder which coupons there are, whoever else is told nothing', async () => {
    const user = freshUser();
    const sale = await newTemplate(server, { stock: 3 });
    const won = await claimAs(user, sale);
    await server.must(200, 'PATCH', `/v1/templates/${sale.templateId}`, { perUserLimit: 3 });
    const { couponId } = won.json;
    const raised = await until(async () => {
      const answer = await claimAs(user, sale);
      return answer.status === 201 && answer;
    }, 'the limit is raised');
    const held = { couponIds: [raised.json.couponId, couponId] };
    await claimAs(freshUser(), sale);
    expect((await claimAs(user, sale)).json).toMatchObject({ code: 'sold_out', ...held });
    expect((await claimAs(freshUser(), sale)).json.couponIds).toBeUndefined();
    const gone = new Date(Date.now() - 1000).toISOString();
    await server.must(200, 'PATCH', `/v1/templates/${sale.templateId}`, { claimUntil: gone });
    const over = await until(async () => {
      const answer = await claimAs(user, sale);
      return answer.json.code === 'ended' && answer;
    }, 'the window is over');
    expect(over).toMatchObject({ status: 409, json: { status: 409, title: 'Ended', ...held } });
    await server.must(200, 'POST', `/v1/templates/${sale.templateId}/disable`);
    const disabled = await until(async () => {
      const answer = await claimAs(user, sale);
      return answer.json.code === 'not_active' && answer;
    }, 'the template is disabled');
    expect(disabled.json).toMatchObject(held);
    expect((await claimAs(freshUser(), sale)).json.couponIds).toBeUndefined();
  });

  test('of what is not claimable: not_found, not_active, not_eligible, and 401 without a user', async () => {
    const draft = await server.must(201, 'POST', '/v1/templates', templateBody());
    const sale = await newTemplate(server);
    const granted = await newTemplate(server, { distribution: 'grant' });
    const [invited, stranger] = [freshUser(), freshUser()];
    const closed = await newTemplate(server, { audience: { userIds: [invited] } });
    const unknown = (templateId: string): Sale => ({ templateId, perUserLimit: 1 });
    expect(await claimAs(stranger, unknown('999999'))).toMatchObject({ status: 404 });
    expect(await claimAs(stranger, unknown(draft.id))).toMatchObject({ status: 404 });
    expect(await claimAs(stranger, granted)).toMatchObject({ status: 403, json: { code: 'not_eligible' } });
    expect(await claimAs(stranger, closed)).toMatchObject({ status: 403, json: { code: 'not_eligible' } });
    expect((await claimAs(invited, closed)).status).toBe(201);
    await server.must(200, 'POST', `/v1/templates/${sale.templateId}/disable`);
    expect(await claimAs(stranger, sale)).toMatchObject({ status: 409, json: { code: 'not_active' } });
    await server.must(200, 'POST', `/v1/templates/${sale.templateId}/publish`);
    expect((await claimAs(stranger, sale)).status).toBe(201);
    const nobody = await connection.request({ method: 'POST', path: claimPath(sale) });
    expect(nobody).toMatchObject({ status: 401, json: { code: 'unauthenticated' } });
  });

  test('is nobody else’s: another user sees no such coupon', async () => {
    const { json } = await claimAs(freshUser(), await newTemplate(server));
    const path = `/v1/me/coupons/${json.couponId}`;
    expect((await connection.request({ path, headers: { 'X-User-Id': freshUser() } })).status).toBe(404);
  });
});

describe('an activity', () => {
  test('has its own limit and window beside the template’s limit', async () => {
    const template = await newTemplate(server, { perUserLimit: 3, stock: 50 });
    const activity = await newActivity(server, template, { stock: 20, perUserLimit: 2 });
    const user = freshUser();
    const won = [await claimAs(user, activity), await claimAs(user, activity)];
    expect(won.map(({ status }) => status)).toEqual([201, 201]);
    expect(won[0].json.activityId).toBe(activity.activityId);
    const newestFirst = [won[1].json.couponId, won[0].json.couponId];
    const full = await claimAs(user, activity);
    expect(full.json).toMatchObject({ code: 'limit_reached', couponIds: newestFirst });
    const general = await claimAs(user, template);
    expect(general.status).toBe(201);
    const last = await claimAs(user, template);
    expect(last.json).toMatchObject({ code: 'limit_reached', couponIds: [general.json.couponId] });
    const coming = await newActivity(server, template, {
      startsAt: new Date(Date.now() + 60_000).toISOString(),
      stock: 5,
    });
    expect((await claimAs(freshUser(), coming)).json).toMatchObject({ code: 'not_started' });
  });

  test('takes its units from the template and gives the unsold back when stopped', async () => {
    const template = await newTemplate(server, { stock: 100, partitions: 8 });
    const book = new ClaimsBook();
    const activity = await newActivity(server, template, { stock: 60 });
    const tooMuch = { templateId: template.templateId, name: 'too much', stock: 41, perUserLimit: 1 };
    const window = {
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 60_000).toISOString(),
    };
    expect((await server.api('POST', '/v1/activities', { ...tooMuch, ...window })).json).toMatchObject({
      code: 'insufficient_stock',
    });
    for (let i = 0; i < 10; i++)
      await claim(connection, book, { sale: activity, userId: freshUser(), key: null });
    const shown = await connection.request({ path: `/v1/activities/${activity.activityId}` });
    expect(shown.json).toMatchObject({ remaining: 50, state: 'running' });
    await server.must(200, 'POST', `/v1/activities/${activity.activityId}/stop`);
    expect((await claimAs(freshUser(), activity)).json.code).toBe('ended');
    await sellTheRest(server, book, [template]);
    expect(book.count('claimed')).toBe(100);
    await checkPromises(server, book, [template, activity]);
    await checkRecords(server, [template]);
  });

  test('opens at once, also while codes of a template just published are being made', async () => {
    for (let i = 0; i < 20; i++) {
      const template = await newTemplate(server, { stock: 50 });
      const startMs = Date.now();
      await newActivity(server, template, { stock: 20 });
      // Units that were waited for in vain are given up after five seconds.
      expect(Date.now() - startMs).toBeLessThan(4500);
    }
  });

  test('that sold out says so while the template still sells', async () => {
    const template = await newTemplate(server, { stock: 30, partitions: 8 });
    const activity = await newActivity(server, template, { stock: 10 });
    const book = new ClaimsBook();
    await until(async () => {
      await claim(connection, book, { sale: activity, userId: freshUser(), key: null });
      return book.count('sold_out') > 0;
    }, 'the activity sells out');
    expect(book.count('claimed')).toBe(10);
    expect((await claimAs(freshUser(), template)).status).toBe(201);
  });
});

describe('stock', () => {
  test.each([1, 8])(
    'sells to the last unit before sold_out, and on when raised (%i partitions)',
    async (partitions) => {
      const sale = await newTemplate(server, { stock: 517, partitions });
      const book = new ClaimsBook();
      await sellTheRest(server, book, [sale]);
      expect(book.count('claimed') + book.count('already_claimed')).toBeGreaterThanOrEqual(517);
      expect(book.coupons.size).toBe(517);
      await server.must(200, 'PUT', `/v1/templates/${sale.templateId}/stock`, { total: 560 });
      expect((await claimAs(freshUser(), sale)).status).toBe(201);
      await sellTheRest(server, new ClaimsBook(), [sale]);
      expect((await stockOf(server, sale.templateId)).claimed).toBe(560);
      const lowered = await server.api('PUT', `/v1/templates/${sale.templateId}/stock`, { total: 559 });
      expect(lowered).toMatchObject({ status: 409, json: { code: 'field_frozen' } });
      await checkRecords(server, [sale]);
    },
  );

  test('sold_out is never said while a unit is left, however few the units', async () => {
    for (const stock of [0, 1, 2, 7]) {
      const sale = await newTemplate(server, { stock, partitions: 8 });
      const book = new ClaimsBook();
      const users = Array.from({ length: 12 }, freshUser);
      await overMany(server.port, users, async (one, userId) => {
        const { status } = await until(async () => {
          const answer = await claim(one, book, { sale, userId, key: null });
          return answer.status !== 503 && answer;
        }, `a verdict for ${userId}`);
        if (status === 409) expect((await stockOf(server, sale.templateId)).claimed).toBe(stock);
      });
      expect({ stock, claimed: book.count('claimed') }).toEqual({ stock, claimed: stock });
    }
  });
});
