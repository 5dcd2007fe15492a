/**
 * What becomes of templates and activities on a real server: told once, in order and as of its time, whatever is killed
 * between what is true and its being told.
 */
import { afterEach, expect, test } from 'vitest';
import { firsts, type StreamEntry, streamOf, subjectOf } from '../support/event-stream.ts';
import { clusterEnv, destroyAll, Node, singleEnv, startNodes } from '../support/nodes.ts';
import { query } from '../support/rows.ts';
import { newActivity, newTemplate } from '../support/sales.ts';
import type { Server } from '../support/server.ts';
import { until } from '../support/wait.ts';
import { ownRedis, someDatabase } from './faults/fault-stage.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** As JSON, told over HTTP or by the stream. */
async function told(server: Server): Promise<StreamEntry[]> {
  const items: StreamEntry[] = [];
  for (let next = '0-0'; ; ) {
    const page = await server.must(200, 'GET', `/v1/events?limit=5&after=${next}`);
    if (page.items.length === 0) return items.filter(({ couponId }) => couponId === undefined);
    items.push(...page.items);
    next = page.next;
  }
}

/** `sequence type`, and the units told of. */
async function of(server: Server, subject: string): Promise<string[]> {
  return (await told(server))
    .filter((event) => subjectOf(event) === subject)
    .map(({ sequence, type, stock }) => `${sequence} ${type}${stock === undefined ? '' : ` ${stock}`}`);
}

async function becomes(server: Server, subject: string, wanted: readonly string[]): Promise<void> {
  let last: string[] = [];
  await until(
    async () => {
      last = await of(server, subject);
      return last.length >= wanted.length;
    },
    () => `${subject}: ${last.join(', ')}`,
  );
  expect(last).toEqual(wanted);
}

let users = 0;

async function claim(server: Server, activityId: string): Promise<void> {
  const userId = String(++users);
  await until(async () => {
    const { status } = await fetch(`http://127.0.0.1:${server.port}/v1/activities/${activityId}/claims`, {
      method: 'POST',
      headers: { 'X-User-Id': userId },
    });
    return status === 201 || status === 200;
  }, `user ${userId} claims`);
}

const at = (ms: number): string => new Date(ms).toISOString();

/** Every event, and nothing that is killed, is told once. */
async function lives(node: Node): Promise<void> {
  const template = await newTemplate(node.server, { stock: 100 });
  // Killed before anybody has said that its codes are ready.
  await node.server.kill();
  await node.start();
  const ofTemplate = `template-${template.templateId}`;
  await becomes(node.server, ofTemplate, ['1 template_published', '2 codes_ready 100']);
  await node.server.must(200, 'PUT', `/v1/templates/${template.templateId}/stock`, { add: 50 });
  await becomes(node.server, ofTemplate, ['1 template_published', '2 codes_ready 100', '3 codes_ready 150']);

  const startsAtMs = Date.now() + 1_500;
  const rush = await newActivity(node.server, template, { stock: 5, startsAt: at(startsAtMs) });
  const ofRush = `activity-${rush.activityId}`;
  expect(await of(node.server, ofRush)).toEqual([]);
  await becomes(node.server, ofRush, ['1 activity_started']);
  for (let i = 0; i < 5; i++) await claim(node.server, rush.activityId);
  await node.server.kill();
  await node.start();
  await becomes(node.server, ofRush, ['1 activity_started', '2 activity_sold_out 5']);
  await node.server.must(200, 'PATCH', `/v1/activities/${rush.activityId}`, { stock: 6 });
  await claim(node.server, rush.activityId);
  await becomes(node.server, ofRush, [
    '1 activity_started',
    '2 activity_sold_out 5',
    '3 activity_sold_out 6',
  ]);

  // Over while nobody looks.
  const endsAtMs = Date.now() + 4_000;
  const short = await newTemplate(node.server, { claimUntil: at(endsAtMs) });
  const ofShort = `template-${short.templateId}`;
  const shortSale = await newActivity(node.server, short, { stock: 2, endsAt: at(endsAtMs) });
  await becomes(node.server, ofShort, ['1 template_published', '2 codes_ready 1000']);
  await node.server.kill();
  await until(() => Date.now() > endsAtMs, 'it is over', 10_000);
  await node.start();
  await becomes(node.server, `activity-${shortSale.activityId}`, ['1 activity_started', '2 activity_ended']);
  await becomes(node.server, ofShort, ['1 template_published', '2 codes_ready 1000', '3 template_ended']);
  const times = Object.fromEntries((await told(node.server)).map(({ eventId, at }) => [eventId, at]));
  expect(times[`${ofRush}-1`]).toBe(at(startsAtMs));
  expect(times[`${ofShort}-3`]).toBe(at(endsAtMs));
  expect(times[`activity-${shortSale.activityId}-2`]).toBe(at(endsAtMs));

  await node.server.must(200, 'POST', `/v1/templates/${template.templateId}/disable`);
  await node.server.must(200, 'POST', `/v1/templates/${template.templateId}/publish`);
  await node.server.must(200, 'POST', `/v1/activities/${rush.activityId}/stop`);
  expect((await of(node.server, ofTemplate)).slice(3)).toEqual([
    '4 template_disabled',
    '5 template_published',
  ]);
  expect((await of(node.server, ofRush)).slice(3)).toEqual(['4 activity_ended']);
  const report = await node.server.must(200, 'GET', '/v1/audit');
  expect(report.checks.filter(({ ok }: { ok: boolean }) => !ok)).toEqual([]);
  expect(report.checks.find(({ name }: { name: string }) => name === 'catalog').checked).toBe(
    (await told(node.server)).length,
  );
}

test('embedded', async () => {
  const node = await Node.start({});
  cleanups.push(() => node.destroy());
  await lives(node);
});

test('single, with the Redis stream', async () => {
  const redis = await ownRedis({ appendonly: true });
  const mysqlUrl = await someDatabase();
  const node = await Node.start(singleEnv({ redisUrl: redis.url, mysqlUrl }));
  cleanups.push(() => node.destroy());
  await lives(node);
  const stored = await told(node.server);
  const [row] = await query(mysqlUrl, "SELECT value FROM facts WHERE name = 'installation'");
  await until(async () => {
    const entries = firsts(await streamOf(redis, `doorbuster:${row!.value}:events`));
    const ids = entries.filter(({ couponId }) => couponId === undefined).map(({ eventId }) => eventId);
    return (
      ids.sort().join() ===
      stored
        .map(({ eventId }) => eventId)
        .sort()
        .join()
    );
  }, 'all are in the stream');
  const entries = await streamOf(redis, `doorbuster:${row!.value}:events`);
  const { position: _, ...soldOut } = entries.find(({ type }) => type === 'activity_sold_out')!;
  expect(soldOut).toEqual({
    eventId: 'activity-1-2',
    templateId: '1',
    activityId: '1',
    sequence: '2',
    type: 'activity_sold_out',
    at: expect.stringMatching(/Z$/),
    stock: '5',
  });
});

test('cluster: two nodes learn the same, and one is killed', async () => {
  const redis = await ownRedis({ appendonly: true });
  const mysqlUrl = await someDatabase();
  const nodes = await startNodes(2, clusterEnv({ redisUrl: redis.url, mysqlUrl }));
  cleanups.push(() => destroyAll(nodes));
  const [one, other] = nodes as [Node, Node];
  const template = await newTemplate(one.server, { stock: 100 });
  const endsAtMs = Date.now() + 12_000;
  const rush = await newActivity(one.server, template, { stock: 4, endsAt: at(endsAtMs) });
  const ofRush = `activity-${rush.activityId}`;
  for (let i = 0; i < 4; i++) await claim(nodes[i % 2]!.server, rush.activityId);
  await one.server.kill();
  await becomes(other.server, ofRush, ['1 activity_started', '2 activity_sold_out 4']);
  await one.start({ ready: false });
  await until(() => Date.now() > endsAtMs, 'it is over', 20_000);
  await becomes(other.server, ofRush, ['1 activity_started', '2 activity_sold_out 4', '3 activity_ended']);
  await becomes(one.server, `template-${template.templateId}`, ['1 template_published', '2 codes_ready 100']);
});
