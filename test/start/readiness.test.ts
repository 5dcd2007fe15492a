/** Which faults take a node out of the balancer, by profile. */
import { expect, test } from 'vitest';
import { type ReadinessFacts, readinessOf } from '../../src/start/readiness.ts';

const WELL: ReadinessFacts = {
  serving: true,
  ownersDown: [],
  laggingBeyond: null,
  stuck: new Map(),
  recordsAway: false,
  ledger: null,
};
const CLUSTER = { profile: 'cluster', redisUp: true, closed: {} } as const;
const SINGLE = { profile: 'single', redisUp: true, unwritten: [] } as const;

test.each([null, CLUSTER, SINGLE])('with nothing wrong a node is ready and names nothing (%o)', (ledger) => {
  expect(readinessOf({ ...WELL, ledger })).toEqual({ ready: true, checks: {} });
});

test('in a cluster no claim is taken without Redis', () => {
  const { ready, checks } = readinessOf({ ...WELL, ledger: { ...CLUSTER, redisUp: false } });
  expect([ready, Object.keys(checks)]).toEqual([false, ['ledger']]);
});

test('a single node sells what it has in hand without Redis, and while Redis is written anew', () => {
  for (const ledger of [
    { ...SINGLE, redisUp: false },
    { ...SINGLE, unwritten: [3] },
  ]) {
    const { ready, checks } = readinessOf({ ...WELL, ledger });
    expect([ready, Object.keys(checks)]).toEqual([true, ['ledger']]);
  }
});

test('a closed shard is named with its reason', () => {
  const closed = { 'shard-3': 'rebuilding: its ledger has lost data' };
  expect(readinessOf({ ...WELL, ledger: { ...CLUSTER, closed } })).toEqual({ ready: false, checks: closed });
});

test.each<[string, Partial<ReadinessFacts>, boolean]>([
  ['server', { serving: false }, false],
  ['owners', { ownersDown: [{ owner: 1, claimsRead: 20_000 }] }, false],
  ['flusher', { laggingBeyond: 100 }, false],
  ['log-7', { stuck: new Map([[7, 'what it holds contradicts the database']]) }, false],
  ['records', { recordsAway: true }, true],
])('%s', (name, facts, isReady) => {
  const { ready, checks } = readinessOf({ ...WELL, ...facts });
  expect([ready, Object.keys(checks)]).toEqual([isReady, [name]]);
});
