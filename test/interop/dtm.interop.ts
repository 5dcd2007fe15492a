/** The same orders, run by DTM itself: the server is killed in between, and each saga must be done or undone. */
import { afterEach, beforeAll, expect, test } from 'vitest';
import { freePort } from '../services/free-port.ts';
import { Node } from '../support/nodes.ts';
import { seeded } from '../support/random.ts';
import { SagaCrowd } from '../support/saga-crowd.ts';
import { newTemplate } from '../support/sales.ts';
import { until } from '../support/wait.ts';
import { DtmRunner } from './dtm-runner.ts';
import { buildDtm, DtmServer } from './dtm-server.ts';

const SAGAS = 200;
const KILLS = 2;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

beforeAll(() => buildDtm(), 1_200_000);

test('DTM runs sagas to their end', async () => {
  const random = seeded('interop');
  const port = await freePort();
  const node = await Node.start({ PORT: String(port) });
  cleanups.push(() => node.destroy());
  const dtm = await DtmServer.start();
  cleanups.push(() => dtm.stop());
  const { templateId } = await newTemplate(node.server, { stock: 10_000, perUserLimit: 1000 });
  const runner = await DtmRunner.start(dtm, port);
  const crowd = new SagaCrowd(node, random, templateId, runner);
  const run = crowd.run(SAGAS);
  for (let kill = 1; kill <= KILLS; kill++) {
    const enough = (SAGAS / (KILLS + 1)) * kill;
    await Promise.race([run, until(() => crowd.paid.length >= enough, `${enough} sagas`, 300_000)]);
    await node.server.kill();
    await node.start();
  }
  await run;
  await runner.settle();
  const through = crowd.paid.filter(({ wentThrough }) => wentThrough).length;
  console.log(`${SAGAS} sagas run by DTM, ${through} went through`);
  expect(through).toBeGreaterThan(SAGAS / 8);
  expect(through).toBeLessThan(SAGAS * 0.9);
  expect((await crowd.faults()).slice(0, 10)).toEqual([]);
}, 600_000);
