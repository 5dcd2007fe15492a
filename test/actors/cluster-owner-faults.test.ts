/** What becomes of claims and units when the ledger is silent, refuses, or the shard is left. */
import { describe, expect, test } from 'vitest';
import { Verdict } from '../../src/actors/verdict.ts';
import { Committed } from '../../src/ports-commit.ts';
import { ClusterStage, SHARD } from './cluster-stage.ts';
import { TEMPLATE } from './rules.ts';

const { claimed, alreadyClaimed, unavailable } = Verdict;

describe('a flight of which nothing is heard', () => {
  test('lets its clients and those who wait behind it go, once', () => {
    const stage = ClusterStage.selling();
    const slots = [...stage.drain([1, 2]), ...stage.drain([3])];
    stage.late().late();
    expect(stage.verdicts(slots)).toEqual([unavailable, unavailable, unavailable]);
    expect(stage.owner.flights).toBe(1);
  });

  test('keeps its units and its shard until it is known what became of it', () => {
    const stage = ClusterStage.selling(10);
    stage.drain([1]);
    stage.late();
    const [slot] = stage.drain([4]);
    expect([stage.verdict(slot), stage.sent.length]).toEqual([unavailable, 1]);
    expect([stage.pool().slice.pending, stage.pool().slice.unsold]).toEqual([1, 9]);
  });

  test('and that was executed is logged and counted; nobody is answered twice', () => {
    const stage = ClusterStage.selling();
    const slots = stage.drain([1, 2]);
    stage
      .late()
      .answer([
        [Committed.claimed, 0],
        [Committed.already, 70],
      ])
      .sync();
    expect(stage.verdicts(slots)).toEqual([unavailable, unavailable]);
    expect([stage.logged, stage.durableClaims()]).toEqual([[0], 1]);
    expect([stage.pool().slice.pending, stage.pool().slice.unsold]).toEqual([0, 99]);
    const [again] = stage.drain([1]);
    expect([stage.verdict(again), stage.owner.hasParked]).toEqual([alreadyClaimed, false]);
  });

  test('lets the next one go when its answer has come', () => {
    const stage = ClusterStage.selling();
    stage.drain([1]);
    stage.late().answer();
    const [slot] = stage.drain([2]);
    stage.answer().sync();
    expect([stage.verdict(slot), stage.logged]).toEqual([claimed, [0, 1]]);
  });

  test('whose answer has come already is not late any more', () => {
    const stage = ClusterStage.selling();
    const [slot] = stage.drain([1]);
    stage.answer().late().sync();
    expect(stage.verdict(slot)).toBe(claimed);
  });
});

describe('a refusal of the whole shard', () => {
  test.each([
    ['lost', 'it was emptied'],
    ['fenced', 'its seat has passed'],
  ] as const)('as %s is told, and all that waits is unavailable', (kind, detail) => {
    const stage = ClusterStage.selling();
    const slots = [...stage.drain([1]), ...stage.drain([2])];
    stage.refuse(kind);
    slots.push(...stage.drain([3]));
    expect(stage.verdicts(slots)).toEqual([unavailable, unavailable, unavailable]);
    expect(stage.refused).toEqual([[SHARD, kind, detail]]);
    expect([stage.sent.length, stage.owner.flights]).toEqual([1, 0]);
  });

  test('after the clients were let go tells them nothing more', () => {
    const stage = ClusterStage.selling();
    const [slot] = stage.drain([1]);
    stage.late().refuse('fenced');
    expect(stage.verdict(slot)).toBe(unavailable);
  });

  test('leaves repeats answered from memory', () => {
    const stage = ClusterStage.selling();
    stage.drain([1]);
    stage.answer().sync();
    stage.drain([2]);
    stage.refuse('lost');
    const [again] = stage.drain([1]);
    expect(stage.verdict(again)).toBe(alreadyClaimed);
  });

  test('for a later batch than was ever sent ends this owner', () => {
    const stage = ClusterStage.selling();
    stage.drain([1]);
    const { shard, flight } = stage.sent[0];
    expect(() => stage.owner.committed(shard, flight, { kind: 'late' }, 0)).toThrow('later batch');
  });
});

describe('leaving a shard', () => {
  test('tells everybody who waits there, wherever they wait', () => {
    const stage = ClusterStage.selling(1);
    const inFlight = stage.drain([1]);
    const behind = stage.drain([2]);
    const other = ClusterStage.selling(1);
    other.drain([1]);
    other.answer().sync();
    const parked = other.drain([2]);
    for (const one of [stage, other]) one.owner.suspend(SHARD);
    expect(stage.verdicts([...inFlight, ...behind])).toEqual([unavailable, unavailable]);
    expect([other.verdicts(parked), other.owner.hasParked]).toEqual([[unavailable], false]);
  });

  test('is over at once when nothing waits for the log, and the units are forgotten', () => {
    const stage = ClusterStage.selling(10);
    stage.owner.suspend(SHARD);
    expect(stage.quiesced).toEqual([SHARD]);
    expect([stage.pool().slice.unsold, stage.pool().epoch]).toEqual([0, 0]);
  });

  test('is over when the log has what was accepted, which is answered as ever', () => {
    const stage = ClusterStage.selling(10);
    const [slot] = stage.drain([1]);
    stage.answer();
    stage.owner.suspend(SHARD);
    expect([stage.quiesced, stage.pool().slice.pending]).toEqual([[], 1]);
    stage.sync();
    expect([stage.quiesced, stage.verdict(slot), stage.durableClaims()]).toEqual([[SHARD], claimed, 1]);
    stage.sync();
    expect(stage.quiesced).toEqual([SHARD]);
  });

  test('makes an answer that comes after all change nothing', () => {
    const stage = ClusterStage.selling(10);
    const [slot] = stage.drain([1]);
    stage.owner.suspend(SHARD);
    stage.answer();
    expect([stage.verdict(slot), stage.logged]).toEqual([unavailable, []]);
  });

  test('leaves other shards alone', () => {
    const stage = ClusterStage.selling(10, {}, { templateId: TEMPLATE + 1 });
    stage.owner.suspend(SHARD);
    const [slot] = stage.drain([1], 0, TEMPLATE + 1);
    stage.answer().sync();
    expect([stage.verdict(slot), stage.pool(TEMPLATE + 1).slice.unsold]).toEqual([claimed, 9]);
  });

  test('makes a fenced lease no reason to die', () => {
    const stage = ClusterStage.selling(1);
    stage.drain([1]);
    stage.answer().sync();
    stage.drain([2]);
    stage.owner.suspend(SHARD);
    stage.outcome({ kind: 'fenced' });
    expect([stage.pool().asking, stage.asked.length]).toEqual([false, 1]);
  });
});

describe('a shard opened anew', () => {
  test('is committed to under sequences that go on', () => {
    const stage = ClusterStage.selling(10);
    stage.drain([1]);
    stage.owner.suspend(SHARD);
    stage.owner.openShard(SHARD);
    const [parked] = stage.drain([2], 10);
    expect([stage.verdict(parked), stage.asked]).toEqual([undefined, [TEMPLATE]]);
    stage.grant(40, 44, 20).answer().sync();
    expect([stage.verdict(parked), stage.sent[1].flight.sequence, stage.logged]).toEqual([claimed, 2, [40]]);
  });

  test('must have been left before', () => {
    const stage = ClusterStage.selling(10);
    stage.drain([1]);
    stage.answer();
    stage.owner.suspend(SHARD);
    expect(() => stage.owner.openShard(SHARD)).toThrow('before it was left');
  });

  test('asks again where a fenced lease leaves claims waiting', () => {
    const stage = new ClusterStage();
    stage.owner.openShard(SHARD);
    stage.drain([1]);
    stage.outcome({ kind: 'fenced' });
    expect(stage.asked.length).toBe(2);
  });

  test('is followed from where memory has its stream', () => {
    const stage = new ClusterStage();
    stage.owner.startFollowing(SHARD, 12);
    expect(stage.followed).toEqual([[SHARD, 12]]);
    stage.owner.openShard(SHARD);
    stage.outcome({ kind: 'exhausted', head: 12 });
    const [slot] = stage.drain([1]);
    expect(stage.verdict(slot)).toBe(Verdict.soldOut);
  });
});
