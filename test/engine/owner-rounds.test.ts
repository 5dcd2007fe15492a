/** A step is taken for a shard when every owner has done its part, once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OwnerRounds } from '../../src/engine/cluster/owner-rounds.ts';

test('a round ends with the last owner, whoever is told twice', () => {
  const over: number[] = [];
  const rounds = new OwnerRounds(3, (shard) => over.push(shard));
  rounds.begin(7);
  for (const owner of [2, 0, 2, 0]) rounds.done(owner, 7);
  expect(over).toEqual([]);
  rounds.done(1, 7);
  rounds.done(1, 7);
  expect(over).toEqual([7]);
});

test('what was not begun is not waited for', () => {
  const over: number[] = [];
  const rounds = new OwnerRounds(1, (shard) => over.push(shard));
  rounds.done(0, 7);
  rounds.ownerDone(0);
  expect(over).toEqual([]);
  rounds.begin(7);
  expect(over).toEqual([]);
});

test('an owner that is up again has done all there is to do, and a round begun anew waits for all', () => {
  const over: number[] = [];
  const rounds = new OwnerRounds(2, (shard) => over.push(shard));
  for (const shard of [3, 4]) rounds.begin(shard);
  rounds.done(0, 3);
  rounds.begin(3);
  rounds.ownerDone(1);
  expect(over).toEqual([]);
  rounds.ownerDone(0);
  expect(over).toEqual([3, 4]);
});

test('rounds are what sets of owners say, after any steps', () => {
  const owner = fc.nat(2);
  const shard = fc.nat(1);
  const step = fc.oneof(
    fc.record({ kind: fc.constant('begin'), owner, shard }),
    fc.record({ kind: fc.constant('done'), owner, shard }),
    fc.record({ kind: fc.constant('ownerDone'), owner, shard }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const over: number[] = [];
      const expected: number[] = [];
      const rounds = new OwnerRounds(3, (ended) => over.push(ended));
      const missing = new Map<number, Set<number>>();
      for (const { kind, owner: who, shard: where } of steps) {
        if (kind === 'begin') {
          missing.set(where, new Set([0, 1, 2]));
          rounds.begin(where);
          continue;
        }
        for (const [of, owners] of [...missing]) {
          if (kind === 'done' && of !== where) continue;
          owners.delete(who);
          if (owners.size > 0) continue;
          missing.delete(of);
          expected.push(of);
        }
        if (kind === 'done') rounds.done(who, where);
        else rounds.ownerDone(who);
      }
      expect(over).toEqual(expected);
    }),
  );
});
