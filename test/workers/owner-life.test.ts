/** The life of an owner thread: what it says to main, what it makes of what main says, and how it ends. */
import { afterEach, describe, expect, test } from 'vitest';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import { fileDisk } from '../../src/claimlog/disk.ts';
import { blankEntry, ENTRY_BYTES, readEntry } from '../../src/claimlog/entry.ts';
import { scanLog } from '../../src/claimlog/log-scan.ts';
import { TEMPLATE } from '../actors/rules.ts';
import { LifeStage, owned } from './life-stage.ts';

const REF = { templateId: TEMPLATE, activityId: 0 };
const TOTAL = 1000;

let stage: LifeStage | null = null;
afterEach(async () => {
  await stage?.destroy();
  stage = null;
});

async function serving(): Promise<LifeStage> {
  const life = new LifeStage();
  stage = life;
  await life.heard('ready');
  life.units.grow(TOTAL);
  life.send({ kind: 'template', template: owned(life.units, TOTAL) });
  return life;
}

function grant(life: LifeStage, from: number, to: number): void {
  life.send({
    kind: 'lease',
    ref: REF,
    partition: 0,
    outcome: { kind: 'granted', epoch: 1, ranges: [{ from, to }] },
  });
}

function logged(life: LifeStage): { serial: number; userLo: number }[] {
  const entries: { serial: number; userLo: number }[] = [];
  scanLog(fileDisk, life.logRoot, 1, 0, (words, at, count) => {
    for (let i = 0; i < count; i++) {
      const { serial, userLo } = readEntry(words, at + i * (ENTRY_BYTES / 4), blankEntry());
      entries.push({ serial, userLo });
    }
  });
  return entries;
}

test('a life tells of its tables when it is ready, and of none that are only half of it', async () => {
  const users = 60;
  const stored = new LifeStage([]);
  stage = stored;
  await stored.heard('ready');
  stored.units.grow(TOTAL);
  stored.send({ kind: 'template', template: owned(stored.units, TOTAL) });
  grant(stored, 0, TOTAL);
  for (let user = 1; user <= users; user++) expect((await stored.claim(user))[0]).toBe(Verdict.claimed);
  expect(stored.told.some(({ kind }) => kind === 'segment')).toBe(true);
  stored.send({ kind: 'stop' });
  await stored.ended;

  const units = new UnitTable([]);
  units.grow(TOTAL);
  const next = new LifeStage([owned(units, TOTAL)], {
    logRoot: stored.logRoot,
    logId: 2,
    logs: [1],
    first: false,
  });
  const { claims } = await next.heard('ready');
  expect(claims).toBe(users);
  expect(next.told.map(({ kind }) => kind)).toEqual(['progress', 'ready']);
  await next.destroy();
});

test('what ends a life is the last that it says', async () => {
  const life = await serving();
  grant(life, 0, 10);
  await life.claim(1);
  life.send({ kind: 'stop' });
  await life.ended;
  expect(await life.heard('stopped')).toMatchObject({ logId: 1 });
  expect(life.told.at(-1)!.kind).toBe('stopped');

  const failing = new LifeStage([], { seal: 1, logRoot: '/dev/null/nowhere' });
  await expect(failing.ended).rejects.toThrow();
  expect(await failing.heard('failed')).toMatchObject({
    failure: { message: expect.stringContaining('ENOTDIR') },
  });
});

describe('a question behind a change', () => {
  test('is answered once the change is taken in', async () => {
    const life = await serving();
    life.send({ kind: 'confirm', change: 7, lease: [] });
    expect(await life.heard('confirmed')).toEqual({ kind: 'confirmed', change: 7 });
    const kinds = life.told.map(({ kind }) => kind);
    expect(kinds.indexOf('actor')).toBeLessThan(kinds.indexOf('confirmed'));
  });

  test('asks for first slices before it answers, so that the first claim finds one', async () => {
    const life = await serving();
    life.send({ kind: 'confirm', change: 1, lease: [REF] });
    await life.heard('confirmed');
    const asked = life.told.filter(({ kind }) => kind === 'lease');
    expect(asked).toEqual([
      { kind: 'lease', ref: REF, holder: { owner: 0, partition: 0 }, epoch: 0, sold: [] },
    ]);
    expect(life.told.at(-1)?.kind).toBe('confirmed');
    grant(life, 0, 100);
    expect(await life.claim(1)).toEqual([Verdict.claimed, 0]);
    expect(life.told.filter(({ kind }) => kind === 'lease')).toHaveLength(1);
  });

  test('about a template that is not placed here is answered all the same', async () => {
    const life = await serving();
    life.send({ kind: 'confirm', change: 2, lease: [{ templateId: 99, activityId: 0 }] });
    expect((await life.heard('confirmed')).change).toBe(2);
    expect(life.told.filter(({ kind }) => kind === 'lease')).toEqual([]);
  });
});

describe('a claim', () => {
  test('waits for its first slice, is logged, and told again to the same user', async () => {
    const life = await serving();
    const won = life.claim(5);
    await life.heard('lease');
    grant(life, 10, 20);
    expect(await won).toEqual([Verdict.claimed, 10]);
    expect(await life.claim(5)).toEqual([Verdict.alreadyClaimed, 10]);
    expect(logged(life)).toEqual([{ serial: 10, userLo: 5 }]);
  });

  test('of a template this owner has not heard of is unavailable', async () => {
    const life = new LifeStage();
    stage = life;
    await life.heard('ready');
    expect((await life.claim(5))[0]).toBe(Verdict.unavailable);
  });
});

describe('the end', () => {
  test('at a stop gives back what is unsold and says where the log ends', async () => {
    const life = await serving();
    const won = life.claim(5);
    await life.heard('lease');
    grant(life, 0, 10);
    await won;
    life.send({ kind: 'stop' });
    const { logId, end } = await life.heard('stopped');
    expect([logId, end > 0]).toEqual([1, true]);
    expect(life.told.find(({ kind }) => kind === 'giveBack')).toMatchObject({
      epoch: 1,
      sold: [{ from: 0, to: 1 }],
      unsold: [{ from: 1, to: 10 }],
    });
    await life.ended;
  });

  test('by a fenced lease is a failure that names the pool', async () => {
    const life = await serving();
    life.send({ kind: 'lease', ref: REF, partition: 0, outcome: { kind: 'fenced' } });
    await expect(life.ended).rejects.toThrow(`lease of template ${TEMPLATE} pool 0 is fenced`);
  });
});

test('the next life has what the last one logged, and its coupons', async () => {
  const life = await serving();
  const won = life.claim(5);
  await life.heard('lease');
  grant(life, 3, 10);
  await won;
  life.send({ kind: 'stop' });
  await life.ended;
  const next = new LifeStage([owned(life.units, TOTAL)], {
    logRoot: life.logRoot,
    logId: 2,
    logs: [1],
    first: false,
  });
  expect((await next.heard('ready')).claims).toBe(1);
  expect(await next.claim(5)).toEqual([Verdict.alreadyClaimed, 3]);
  await next.destroy();
});
