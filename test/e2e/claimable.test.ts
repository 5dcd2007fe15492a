/** What a user may claim, and with ?all=true why not the rest: the same words as a claim is answered with. */
import { expect, test } from 'vitest';
import { ClaimsBook, type Sale } from '../support/book.ts';
import { Connection } from '../support/connection.ts';
import { claim } from '../support/crowd.ts';
import { newActivity, newTemplate, templateBody } from '../support/sales.ts';
import { startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const [USER, OTHER] = ['1', '2'];

interface Item {
  readonly templateId: string;
  readonly activityId?: string;
  readonly claimable: boolean;
  readonly reason?: string;
  readonly startsAt?: string;
}

const keyOf = ({ templateId, activityId }: Pick<Item, 'templateId' | 'activityId'>): string =>
  `${templateId}/${activityId ?? ''}`;

test('the list agrees with what a claim is told, page by page', async () => {
  const server = await startServer();
  const connection = await Connection.open(server.port);
  const claimAs = (userId: string, sale: Sale) =>
    claim(connection, new ClaimsBook(), { sale, userId, key: null });
  const get = async (userId: string, query: string) => {
    const answer = await connection.request({
      path: `/v1/me/claimable${query}`,
      headers: { 'X-User-Id': userId },
    });
    expect(answer.status).toBe(200);
    return answer.json as { items: Item[]; next: string | null };
  };
  try {
    const open = await newTemplate(server, { perUserLimit: 3 });
    const startsAt = new Date(Date.now() + 3_600_000).toISOString();
    const coming = await newActivity(server, open, { startsAt, endsAt: '2099-01-01T00:00:00.000Z' });
    const held = await newTemplate(server);
    const sold = await newTemplate(server, { stock: 1 });
    const over = await newTemplate(server);
    const gone = new Date(Date.now() - 1000).toISOString();
    await server.must(200, 'PATCH', `/v1/templates/${over.templateId}`, { claimUntil: gone });
    const disabled = await newTemplate(server);
    await server.must(200, 'POST', `/v1/templates/${disabled.templateId}/disable`);
    const secret = await newTemplate(server, { audience: { userIds: [OTHER] } });
    const left = await newTemplate(server, { audience: { userIds: [USER] } });
    const granted = await newTemplate(server, { distribution: 'grant' });
    const deleted = await newTemplate(server);
    await server.must(204, 'DELETE', `/v1/templates/${deleted.templateId}`);
    await server.must(201, 'POST', '/v1/templates', templateBody());
    for (const sale of [open, held, left]) expect((await claimAs(USER, sale)).status).toBe(201);
    expect((await claimAs(OTHER, sold)).status).toBe(201);
    await server.must(200, 'PATCH', `/v1/templates/${left.templateId}`, { audience: { userIds: [OTHER] } });
    await until(async () => (await claimAs(USER, sold)).json.code === 'sold_out', 'the last one is sold');

    expect((await get(USER, '')).items).toMatchObject([
      { templateId: open.templateId, claimable: true, claimsLeft: 2, remaining: 899 },
    ]);
    const expected: [Sale & { activityId?: string }, object][] = [
      [left, { claimable: false, reason: 'not_eligible', claimsLeft: 0 }],
      [disabled, { claimable: false, reason: 'not_active', claimsLeft: 1 }],
      [over, { claimable: false, reason: 'ended', claimsLeft: 1 }],
      [sold, { claimable: false, reason: 'sold_out', claimsLeft: 1, remaining: 0 }],
      [held, { claimable: false, reason: 'limit_reached', claimsLeft: 0 }],
      [coming, { claimable: false, reason: 'not_started', startsAt, claimsLeft: 1 }],
      [open, { claimable: true, claimsLeft: 2 }],
    ];
    const all = await get(USER, '?all=true');
    expect(all.items.map(keyOf)).toEqual(expected.map(([sale]) => keyOf(sale)));
    expect(all.items).toMatchObject(expected.map(([, item]) => item));
    expect(all.next).toBeNull();
    for (const hidden of [secret, granted, deleted])
      expect(all.items.map(keyOf)).not.toContain(keyOf(hidden));

    const paged: Item[] = [];
    let cursor = '';
    for (;;) {
      const { items, next } = await get(USER, `?all=true&limit=2${cursor}`);
      expect(items.length).toBeLessThanOrEqual(2);
      paged.push(...items);
      if (next === null) break;
      cursor = `&cursor=${next}`;
    }
    expect(paged).toEqual(all.items);

    for (const [index, [sale]] of expected.entries()) {
      const { reason, startsAt: told } = all.items[index];
      const { status, json } = await claimAs(USER, sale);
      if (reason === undefined) expect(status).toBe(201);
      // With a limit of one, the coupon that is held is the answer.
      else if (reason === 'limit_reached') expect(json.status).toBe('already_claimed');
      else if (sale === left) expect(json.status).toBe('already_claimed');
      else expect(json).toMatchObject({ code: reason, ...(told === undefined ? {} : { startsAt: told }) });
    }
    expect((await get(OTHER, '')).items.map(keyOf)).toContain(keyOf(secret));
    const refused = await connection.request({
      path: '/v1/me/claimable?all=yes',
      headers: { 'X-User-Id': USER },
    });
    expect(refused).toMatchObject({ status: 400, json: { code: 'invalid_request' } });
  } finally {
    connection.close();
    await server.destroy();
  }
});
