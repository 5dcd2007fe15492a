/** The engine put together: what it makes of the catalog's changes, of claims and of an owner's death. */
import { afterEach, describe, expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { activity } from '../records/samples.ts';
import { until } from '../support/wait.ts';
import { EngineStage, extentOf, shelved, usersOf } from './engine-stage.ts';

const HOUR = 3_600_000;
let stage: EngineStage;
afterEach(async () => {
  const { fatal } = stage;
  await stage.destroy();
  expect(fatal).toEqual([]);
});

function flashSale(stock: number) {
  return activity({
    id: 9,
    templateId: 1,
    stock,
    perUserLimit: 1,
    startsAtMs: Date.now() - HOUR,
    endsAtMs: Date.now() + HOUR,
  });
}

describe('a template', () => {
  test('told of is claimed by the next call, in all its partitions, and adds up at every moment', async () => {
    stage = await EngineStage.open(2);
    await stage.start();
    await stage.engine.changes.templateChanged(shelved(1, 5000, { partitions: 4 }), [], extentOf(1, 0, 5000));
    for (const user of usersOf(4)) {
      expect(await stage.claim(1, user)).toBe(Verdict.claimed);
      const { total, free, leased, claimed } = stage.engine.stock.of(1)!;
      expect([free + leased + claimed, total]).toEqual([5000, 5000]);
    }
    expect(stage.engine.stock.of(1)!.claimed).toBe(4);
  });

  test('with more units sells on where it was sold out, also when told of them twice', async () => {
    stage = await EngineStage.open(2);
    await stage.start(shelved(1, 10));
    expect(await stage.sellOut(1)).toEqual({ sold: 10, last: Verdict.soldOut });
    const raised = shelved(1, 15, { version: 3 });
    for (let i = 0; i < 2; i++) await stage.engine.changes.templateChanged(raised, [], extentOf(1, 10, 5));
    for (let user = 11; user <= 15; user++) expect(await stage.claim(1, user)).toBe(Verdict.claimed);
    expect(await stage.claim(1, 16)).toBe(Verdict.soldOut);
    expect(stage.engine.templates.get(1)!.extents).toHaveLength(2);
  });

  test('disabled is refused by everybody once it is said to be', async () => {
    stage = await EngineStage.open(1);
    await stage.start(shelved(1, 10));
    await stage.engine.changes.templateChanged(shelved(1, 10, { status: 'disabled', version: 3 }), [], null);
    expect(await stage.claim(1, 1)).toBe(Verdict.notActive);
  });
});

describe('an activity', () => {
  test('takes its units, sells them, and gives back what is left', async () => {
    stage = await EngineStage.open(2);
    const one = shelved(1, 20);
    await stage.start(one);
    const sale = flashSale(8);
    expect(await stage.engine.changes.openActivity(sale)).toEqual({ ok: true });
    await stage.engine.changes.templateChanged(one, [sale], null);
    for (let user = 1; user <= 3; user++) expect(await stage.claim(1, user, 9)).toBe(Verdict.claimed);
    expect(stage.engine.stock.remaining(1, 9)).toBe(5);
    expect(stage.engine.stock.remaining(1, 0)).toBe(12);
    await stage.engine.changes.templateChanged(one, [{ ...sale, status: 'stopped', version: 2 }], null);
    await stage.engine.changes.closeActivity({ ...sale, status: 'stopped', version: 2 });
    expect(await stage.claim(1, 4, 9)).toBe(Verdict.ended);
    expect(stage.engine.stock.remaining(1, 0)).toBe(17);
  });

  test('for which there are not enough units changes nothing', async () => {
    stage = await EngineStage.open(1);
    await stage.start(shelved(1, 20));
    expect(await stage.engine.changes.openActivity(flashSale(21))).toEqual({ ok: false, available: 20 });
    expect(await stage.sellOut(1)).toMatchObject({ sold: 20 });
  });
});

test('claims reach the record store, and the lag falls to nothing', async () => {
  stage = await EngineStage.open(1);
  await stage.start(shelved(1, 100));
  for (let user = 1; user <= 100; user++) await stage.claim(1, user);
  await until(
    () => stage.engine.lag === 0,
    () => `a lag of 0: it is ${stage.engine.lag}; ${JSON.stringify([...stage.engine.sink.stuck])}`,
  );
  expect(stage.engine.stock.of(1)).toMatchObject({ claimed: 100, flushed: 100, free: 0, leased: 0 });
});

test('an owner that dies makes its claims unavailable, and its next life knows and sells the rest', async () => {
  stage = await EngineStage.open(1);
  await stage.start(shelved(1, 50));
  for (let user = 1; user <= 10; user++) expect(await stage.claim(1, user)).toBe(Verdict.claimed);
  stage.killOwner(0);
  expect(await stage.claim(1, 999)).toBe(Verdict.unavailable);
  stage.noFaults();
  // A change made meanwhile does not wait for an owner that is down, and holds in its next life.
  await stage.engine.changes.templateChanged(shelved(1, 60, { version: 3 }), [], extentOf(1, 50, 10));
  await until(() => stage.engine.owners.pool.life(0) !== null, 'the next life of owner 0');
  expect(await stage.claim(1, 5)).toBe(Verdict.alreadyClaimed);
  for (let user = 11; user <= 60; user++) expect(await stage.claim(1, user)).toBe(Verdict.claimed);
  expect(await stage.claim(1, 61)).toBe(Verdict.soldOut);
});
