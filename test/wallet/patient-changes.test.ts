import { expect, test } from 'vitest';
import { patiently } from '../../src/wallet/patient-changes.ts';

test('a change is told before it is answered', async () => {
  const told: string[] = [];
  await patiently(async (userId) => {
    await new Promise((resolve) => setImmediate(resolve));
    told.push(userId);
  })('7', [1], null);
  expect(told).toEqual(['7']);
});

test('a cache that cannot be reached keeps nobody waiting for ever', async () => {
  await patiently(() => new Promise(() => {}), 5)('7', [1], null);
});

test('a fault is no lateness', async () => {
  const broken = patiently(() => Promise.reject(new Error('broken')));
  await expect(broken('7', [], null)).rejects.toThrow('broken');
});
