import { beforeEach, expect, test } from 'vitest';
import { StockNews } from '../../src/events/stock-news.ts';
import type { StockReport } from '../../src/ports-events.ts';
import { activity, template } from '../records/samples.ts';

let told: StockReport[][];
let troubles: unknown[];
let ready: number;
let claimed: number;
let templates = [template({ id: 1, total: 100 })];
let activities = [activity({ id: 7, templateId: 1, stock: 10 })];
let store: (reports: readonly StockReport[]) => Promise<boolean[]>;

beforeEach(() => {
  [told, troubles, ready, claimed] = [[], [], 0, 0];
  templates = [template({ id: 1, total: 100 })];
  activities = [activity({ id: 7, templateId: 1, stock: 10 })];
  store = async (reports) => reports.map(() => true);
});

function news(): StockNews {
  return new StockNews({
    templates: () => templates,
    activities: () => activities,
    readyUnits: () => ready,
    claimedUnits: () => claimed,
    store: {
      tellStock: (reports) => {
        told.push([...reports]);
        return store(reports);
      },
    },
    onTrouble: (error) => troubles.push(error),
  });
}

const codes = (stock: number): StockReport => ({ subject: 'template', id: 1, stock });
const sold = (stock: number): StockReport => ({ subject: 'activity', id: 7, stock });

test('what is not there yet is not told, and what is told not again', async () => {
  const looks = news();
  await looks.look();
  expect(told).toEqual([]);
  [ready, claimed] = [100, 10];
  await looks.look();
  await looks.look();
  expect(told).toEqual([[codes(100), sold(10)]]);
  activities = [activity({ id: 7, stock: 12 })];
  templates = [template({ id: 1, total: 150 })];
  await looks.look();
  expect(told).toHaveLength(1);
  [ready, claimed] = [150, 12];
  await looks.look();
  expect(told.slice(1)).toEqual([[codes(150), sold(12)]]);
});

test('an activity that is being enlarged, and a draft, are left alone', async () => {
  [ready, claimed] = [100, 11];
  activities = [activity({ id: 7, stock: 10, askedStock: 12 })];
  templates = [template({ id: 1, publishedAtMs: null })];
  await news().look();
  expect(told).toEqual([]);
});

test('what the store does not take comes again, one look at a time', async () => {
  [ready, claimed] = [100, 10];
  const looks = news();
  store = async (reports) => reports.map(({ subject }) => subject === 'template');
  await Promise.all([looks.look(), looks.look()]);
  expect(told).toEqual([[codes(100), sold(10)]]);
  store = async () => {
    throw new Error('away');
  };
  for (let i = 0; i < 3; i++) await looks.look();
  expect(troubles).toHaveLength(1);
  store = async (reports) => reports.map(() => true);
  await looks.look();
  await looks.look();
  expect(told.slice(1)).toEqual([[sold(10)], [sold(10)], [sold(10)], [sold(10)]]);
});

test('very many are told in pieces', async () => {
  templates = Array.from({ length: 250 }, (_, i) => template({ id: i + 1, total: 100 }));
  ready = 100;
  await news().look();
  expect(told.map(({ length }) => length)).toEqual([100, 100, 50]);
});
