import { expect, test } from 'vitest';
import { SpreadBatches } from '../../src/cli/replay/spread-batches.ts';
import { serverTargets } from '../../src/cli/server-target.ts';

/** Answers with its own name, and remembers what it was asked. */
function claimer(name: string) {
  return {
    asked: [] as string[],
    closed: false,
    async claims(_templateId: string, userIds: readonly string[]) {
      this.asked.push(...userIds);
      const own = userIds.map((userId) => `${name}${userId}`);
      return { status: userIds.map(() => 'claimed'), couponIds: own, couponCodes: own };
    },
    close() {
      this.closed = true;
    },
  };
}

test('each user goes to a node by chance, and every answer stands where its user stood', async () => {
  const nodes = [claimer('a'), claimer('b'), claimer('c')];
  const chances = [0.1, 0.99, 0.4, 0.2, 0.7];
  let next = 0;
  const spread = new SpreadBatches(nodes, () => chances[next++ % chances.length]!);
  const answer = await spread.claims('1', ['1', '2', '3', '4', '5']);
  expect(answer.couponIds).toEqual(['a1', 'c2', 'b3', 'a4', 'c5']);
  expect(answer.couponCodes).toEqual(answer.couponIds);
  expect(answer.status).toEqual(new Array(5).fill('claimed'));
  expect(nodes.map(({ asked }) => asked)).toEqual([['1', '4'], ['3'], ['2', '5']]);
  spread.close();
  expect(nodes.map(({ closed }) => closed)).toEqual([true, true, true]);
});

test('a node that fails fails the batch', async () => {
  const broken = { ...claimer('b'), claims: () => Promise.reject(new Error('gone')) };
  let next = 0;
  const spread = new SpreadBatches([claimer('a'), broken], () => (next++ % 2) / 2);
  await expect(spread.claims('1', ['1', '2'])).rejects.toThrow('gone');
});

test('--url takes several, and each is checked', () => {
  const url = 'http://127.0.0.1:8080/, http://127.0.0.1:8082';
  expect(serverTargets({ url, token: 't' })).toEqual([
    { url: 'http://127.0.0.1:8080', token: 't' },
    { url: 'http://127.0.0.1:8082', token: 't' },
  ]);
  expect(() => serverTargets({ url: 'http://127.0.0.1:8080,nonsense' })).toThrow('nonsense');
});
