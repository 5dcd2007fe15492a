/** What nodes agree on in the database, with two nodes' connections against the real server. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { entryWords } from '../../src/claimlog/entry.ts';
import { couponId } from '../../src/domain/coupon-id.ts';
import { SINGLE_NODE_FACT } from '../../src/ports-cluster.ts';
import { type MysqlStore, openMysqlStore } from '../../src/records/mysql/mysql-store.ts';
import { type Database, newDatabase } from '../services/mysql.ts';
import { batchOf, type Claim, entriesOf } from './batches.ts';
import { activity, template } from './samples.ts';

const PATIENCE_MS = 60_000;
const ROUNDS = 20;
const SPACES = [{ space: '0703101112', size: 100_000 }];

let database: Database;
let a: MysqlStore;
let b: MysqlStore;

beforeEach(async () => {
  database = await newDatabase();
  [a, b] = await Promise.all([openMysqlStore(database.url), openMysqlStore(database.url)]);
});

afterEach(async () => {
  await Promise.all([a.close(), b.close()]);
  await database.drop();
});

/** Shard 0 open at incarnation 1. */
async function openShard(): Promise<void> {
  await a.ensureShards(1);
  expect(await a.takeRebuild(0, 'a', PATIENCE_MS)).toEqual({ kind: 'taken', incarnation: 1, lost: 0 });
  expect(await a.openShard(0, 'a', 1)).toBe(true);
}

describe('nodes', () => {
  test('are registered, seen, and stop', async () => {
    expect(await a.registerNode('a', 's1', 'host-a')).toBe('registered');
    await pause(20);
    const [row] = await b.nodes();
    expect(row).toMatchObject({ nodeId: 'a', startId: 's1', host: 'host-a', state: 'up' });
    expect(row.seenAgoMs).toBeGreaterThanOrEqual(15);
    expect(row.seenAgoMs).toBeLessThan(5_000);
    expect(Math.abs(row.startedAtMs - Date.now())).toBeLessThan(60_000);
    expect(await a.beat('a', 's1')).toBe('ok');
    await a.nodeStopped('a', 'another start');
    expect((await b.nodes())[0].state).toBe('up');
    await a.nodeStopped('a', 's1');
    expect((await b.nodes())[0].state).toBe('stopped');
  });

  test('are replaced by another process under the same id, and told so', async () => {
    await a.registerNode('a', 's1', 'one');
    await b.registerNode('a', 's2', 'two');
    expect([await a.beat('a', 's1'), await b.beat('a', 's2')]).toEqual(['replaced', 'ok']);
    await a.nodeStopped('a', 's1');
    expect(await b.nodes()).toMatchObject([{ startId: 's2', host: 'two', state: 'up' }]);
    expect(await a.beat('nobody', 's1')).toBe('forgotten');
  });

  test('that register at the same moment leave one', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const id = `n${round}`;
      expect(await Promise.all([a.registerNode(id, 's1', 'one'), b.registerNode(id, 's2', 'two')])).toEqual([
        'registered',
        'registered',
      ]);
      expect([await a.beat(id, 's1'), await b.beat(id, 's2')].sort()).toEqual(['ok', 'replaced']);
    }
  });

  test('that are forgotten stay so, and lose memberships and the profile single', async () => {
    await openShard();
    await a.registerNode('a', 's1', 'one');
    expect(await a.keepFact(SINGLE_NODE_FACT, 'a')).toBe('a');
    expect(await a.joinShard(0, 'a', 1)).toBe(true);
    expect(await b.joinShard(0, 'b', 1)).toBe(true);
    await b.forgetNode('a');
    expect(await b.members()).toEqual([{ shard: 0, nodeId: 'b', contributed: 0 }]);
    expect(await a.beat('a', 's1')).toBe('forgotten');
    expect(await a.registerNode('a', 's2', 'one')).toBe('forgotten');
    expect(await a.joinShard(0, 'a', 1)).toBe(false);
    expect(await b.keepFact(SINGLE_NODE_FACT, 'b')).toBe('b');
    await b.forgetNode('a');
    expect(await b.keepFact(SINGLE_NODE_FACT, 'c')).toBe('b');
  });

  test('joining while being forgotten are no members afterwards', async () => {
    await openShard();
    for (let round = 0; round < ROUNDS; round++) {
      const id = `n${round}`;
      await a.registerNode(id, 's', 'host');
      await Promise.all([a.joinShard(0, id, 1), b.forgetNode(id)]);
      expect(await a.members()).toEqual([]);
    }
  });
});

describe('profiles', () => {
  beforeEach(async () => {
    await a.keepFact('installation', 'here');
  });

  test('single belongs to its first node until that is forgotten', async () => {
    expect(await a.admitNode('a', 'single')).toEqual({ kind: 'admitted' });
    expect(await a.admitNode('a', 'single')).toEqual({ kind: 'admitted' });
    expect(await b.admitNode('b', 'single')).toEqual({ kind: 'bound', nodeId: 'a' });
    expect(await b.admitNode('b', 'cluster')).toEqual({ kind: 'bound', nodeId: 'a' });
    await a.registerNode('a', 's', 'host');
    await b.forgetNode('a');
    expect(await a.admitNode('a', 'single')).toEqual({ kind: 'forgotten' });
    expect(await b.admitNode('b', 'single')).toEqual({ kind: 'admitted' });
  });

  test('of many first nodes at once one is bound', async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? a : b).admitNode(`n${i}`, 'single')),
    );
    expect(outcomes.filter(({ kind }) => kind === 'admitted').length).toBe(1);
    expect(outcomes.filter(({ kind }) => kind === 'bound').length).toBe(7);
  });

  test('the node of single enters a cluster as a member that has contributed nothing yet', async () => {
    await a.ensureShards(16);
    await a.admitNode('a', 'single');
    expect(await a.admitNode('a', 'cluster')).toEqual({ kind: 'admitted' });
    expect((await a.members()).length).toBe(16);
    expect(await b.admitNode('b', 'cluster')).toEqual({ kind: 'admitted' });
    expect(await b.takeRebuild(3, 'b', PATIENCE_MS)).toEqual({ kind: 'missing', nodeIds: ['a'] });
    await a.contributed(3, 'a', 0);
    expect(await b.takeRebuild(3, 'b', PATIENCE_MS)).toMatchObject({ kind: 'taken' });
    expect(await b.admitNode('b', 'single')).toEqual({ kind: 'cluster', nodeIds: ['a'] });
  });

  test('single takes a cluster over when nobody serves and nothing is in logs only, and closes its shards', async () => {
    await openShard();
    await a.registerNode('a', 's', 'host');
    expect(await a.joinShard(0, 'a', 1)).toBe(true);
    expect(await b.admitNode('b', 'single')).toEqual({ kind: 'cluster', nodeIds: ['a'] });
    await a.leaveShard(0, 'a', 1);
    expect(await b.admitNode('b', 'single')).toEqual({ kind: 'cluster', nodeIds: ['a'] });
    await a.nodeStopped('a', 's');
    expect(await b.admitNode('b', 'single')).toEqual({ kind: 'admitted' });
    expect(await a.shards()).toMatchObject([{ shard: 0, state: 'rebuilding', incarnation: 1 }]);
  });
});

describe('shards', () => {
  test('are made by several nodes at once, lost', async () => {
    await Promise.all([a.ensureShards(16), b.ensureShards(16), a.ensureShards(4)]);
    const lost = { incarnation: 0, state: 'rebuilding', rebuilder: null };
    expect(await a.shards()).toEqual(Array.from({ length: 16 }, (_, shard) => ({ shard, ...lost })));
    await expect(a.joinShard(16, 'a', 0)).rejects.toThrow('no shard 16');
  });

  test('open at numbers never given out before', async () => {
    await a.ensureShards(2);
    expect(await a.takeRebuild(0, 'a', PATIENCE_MS)).toEqual({ kind: 'taken', incarnation: 1, lost: 0 });
    expect(await a.takeRebuild(0, 'a', PATIENCE_MS)).toEqual({ kind: 'taken', incarnation: 2, lost: 0 });
    expect((await b.shards())[0]).toMatchObject({ incarnation: 0, state: 'rebuilding', rebuilder: 'a' });
    expect(await a.openShard(0, 'a', 1)).toBe(false);
    expect(await b.openShard(0, 'b', 2)).toBe(false);
    expect(await a.openShard(0, 'a', 2)).toBe(true);
    expect((await b.shards())[0]).toMatchObject({ incarnation: 2, state: 'open', rebuilder: null });
    expect(await b.takeRebuild(0, 'b', PATIENCE_MS)).toEqual({ kind: 'busy' });
    await b.declareLost(0, 1);
    expect((await a.shards())[0]).toMatchObject({ incarnation: 2, state: 'open' });
    await b.declareLost(0, 2);
    expect((await a.shards())[0]).toMatchObject({ incarnation: 2, state: 'rebuilding', rebuilder: null });
    expect(await a.openShard(0, 'a', 2)).toBe(false);
    expect(await b.takeRebuild(0, 'b', PATIENCE_MS)).toEqual({ kind: 'taken', incarnation: 3, lost: 2 });
  });

  test('are rebuilt by one node, until its patience has passed', async () => {
    await a.ensureShards(1);
    expect(await a.takeRebuild(0, 'a', 100)).toMatchObject({ kind: 'taken' });
    expect(await b.takeRebuild(0, 'b', PATIENCE_MS)).toEqual({ kind: 'busy' });
    await pause(150);
    expect((await b.shards())[0].rebuilder).toBeNull();
    expect(await b.takeRebuild(0, 'b', PATIENCE_MS)).toEqual({ kind: 'taken', incarnation: 2, lost: 0 });
    expect(await a.openShard(0, 'a', 1)).toBe(false);
    expect(await b.openShard(0, 'b', 2)).toBe(true);
  });

  test('that two nodes reach for are taken by one', async () => {
    await a.ensureShards(ROUNDS);
    for (let shard = 0; shard < ROUNDS; shard++) {
      const outcomes = await Promise.all([
        a.takeRebuild(shard, 'a', PATIENCE_MS),
        b.takeRebuild(shard, 'b', PATIENCE_MS),
      ]);
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['busy', 'taken']);
    }
  });

  test('are not rebuilt before every member was heard', async () => {
    await openShard();
    expect(await a.joinShard(0, 'a', 1)).toBe(true);
    expect(await b.joinShard(0, 'b', 1)).toBe(true);
    expect(await b.joinShard(0, 'b', 1)).toBe(true);
    expect(await b.joinShard(0, 'b', 2)).toBe(false);
    // While it is open, more claims may come.
    await a.contributed(0, 'a', 1);
    await a.declareLost(0, 1);
    expect(await a.joinShard(0, 'c', 1)).toBe(false);
    expect(await a.takeRebuild(0, 'a', PATIENCE_MS)).toEqual({ kind: 'missing', nodeIds: ['a', 'b'] });
    await a.contributed(0, 'a', 1);
    expect(await a.takeRebuild(0, 'a', PATIENCE_MS)).toEqual({ kind: 'missing', nodeIds: ['b'] });
    await a.leaveShard(0, 'b', 1);
    expect(await a.takeRebuild(0, 'a', PATIENCE_MS)).toEqual({ kind: 'missing', nodeIds: ['b'] });
    await b.contributed(0, 'b', 1);
    expect(await a.takeRebuild(0, 'a', PATIENCE_MS)).toEqual({ kind: 'taken', incarnation: 2, lost: 1 });
    expect(await a.openShard(0, 'a', 2)).toBe(true);
    expect(await a.openShard(0, 'a', 2)).toBe(true);
    expect(await a.members()).toEqual([]);
    await a.joinShard(0, 'a', 2);
    expect(await a.members()).toEqual([{ shard: 0, nodeId: 'a', contributed: 1 }]);
    await a.leaveShard(0, 'a', 1);
    expect((await a.members()).length).toBe(1);
    await a.leaveShard(0, 'a', 2);
    expect(await a.members()).toEqual([]);
  });

  test('joined while being declared lost: whoever was let in must be heard', async () => {
    await a.ensureShards(ROUNDS);
    for (let shard = 0; shard < ROUNDS; shard++) {
      await a.takeRebuild(shard, 'a', PATIENCE_MS);
      await a.openShard(shard, 'a', 1);
      const [joined] = await Promise.all([a.joinShard(shard, 'a', 1), b.declareLost(shard, 1)]);
      const outcome = await b.takeRebuild(shard, 'b', PATIENCE_MS);
      expect(outcome.kind).toBe(joined ? 'missing' : 'taken');
    }
  });
});

describe('claims', () => {
  let templateId: number;

  beforeEach(async () => {
    const extent = { firstSerial: 0, length: 1000, spaces: SPACES };
    const outcome = await a.saveTemplate(template(), extent, null);
    templateId = outcome.kind === 'saved' ? outcome.value.id : 0;
  });

  const claim = (serial: number, user = '7'): Claim => ({
    templateId,
    serial,
    user,
    atMs: 1_790_000_000_000,
  });

  async function stored(): Promise<number> {
    return (await a.countByTemplate()).reduce((sum, { count }) => sum + count, 0);
  }

  test('of a log are taken from whoever has the fence, and from nobody else', async () => {
    expect(await a.takeFence(9)).toEqual({ fence: 1, offset: 0 });
    const first = { ...batchOf(9, 0, [claim(1)]), fence: 1 };
    expect(await b.commitClaims({ ...first, fence: 2 })).toEqual({ kind: 'fenced' });
    expect(await b.commitClaims(batchOf(9, 0, [claim(1)]))).toEqual({ kind: 'fenced' });
    expect(await a.commitClaims(first)).toEqual({ kind: 'committed' });
    expect(await b.takeFence(9)).toEqual({ fence: 2, offset: first.toOffset });
    const second = { ...batchOf(9, first.toOffset, [claim(2)]), fence: 1 };
    expect(await a.commitClaims(second)).toEqual({ kind: 'fenced' });
    expect(await stored()).toBe(1);
    expect(await b.commitClaims({ ...second, fence: 2 })).toEqual({ kind: 'committed' });
    expect(await a.commitClaims({ ...batchOf(8, 0, [claim(3)]), fence: 1 })).toEqual({ kind: 'fenced' });
  });

  test('of a log flushed by two at once are stored once', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const batch = batchOf(100 + round, 0, [claim(round * 2), claim(round * 2 + 1)]);
      const outcomes = await Promise.all([a.commitClaims(batch), b.commitClaims(batch)]);
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['committed', 'stale']);
      const fences = await Promise.all([a.takeFence(200 + round), b.takeFence(200 + round)]);
      expect(fences.map(({ fence }) => fence).sort()).toEqual([1, 2]);
    }
    expect(await stored()).toBe(ROUNDS * 2);
  });

  test('are filled in beside the stream: only what is new, and told what that was', async () => {
    await a.commitClaims(batchOf(9, 0, [claim(1), claim(2)]));
    const given = entriesOf([claim(2), claim(3), claim(1), claim(4)]);
    expect(await b.fillIn(9, given)).toEqual({ kind: 'filled', entries: entriesOf([claim(3), claim(4)]) });
    expect(await b.fillIn(9, given)).toMatchObject({ kind: 'filled', entries: new Uint8Array(0) });
    expect(await b.fillIn(9, new Uint8Array(0))).toMatchObject({ kind: 'filled' });
    expect(await b.fillIn(9, entriesOf([claim(5), claim(3, '8')]))).toMatchObject({
      kind: 'conflict',
      couponId: couponId(templateId, 3),
    });
    expect((await b.fillIn(9, entriesOf([claim(1000)]))).kind).toBe('conflict');
    expect(await stored()).toBe(4);
  });

  test('filled in by two at once are new to one of them', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const entries = entriesOf([claim(round * 2), claim(round * 2 + 1)]);
      const outcomes = await Promise.all([a.fillIn(1, entries), b.fillIn(2, entries)]);
      expect(outcomes.map((one) => (one.kind === 'filled' ? one.entries.length : -1)).sort()).toEqual([
        0, 80,
      ]);
    }
  });

  test('of one log are read from an offset on, with all that was filled in', async () => {
    const first = batchOf(
      9,
      0,
      Array.from({ length: 900 }, (_, i) => claim(i)),
    );
    const second = batchOf(9, first.toOffset, [claim(950)]);
    await a.commitClaims(first);
    await a.commitClaims(batchOf(8, 0, [claim(920)]));
    await a.fillIn(9, entriesOf([claim(930)]));
    await a.commitClaims(second);
    await a.fillIn(8, entriesOf([claim(931)]));
    const serials = async (fromOffset: number, afterBlock = 0): Promise<number[]> => {
      const { entries } = await b.logBlocks(9, fromOffset, afterBlock);
      return entries.flatMap((block) => {
        const words = entryWords(block);
        return Array.from({ length: block.length / 40 }, (_, i) => words[i * 10 + 1]);
      });
    };
    expect((await serials(0)).length).toBe(902);
    expect(await serials(first.toOffset)).toEqual([930, 950]);
    expect(await serials(second.toOffset)).toEqual([930]);
    const { lastBlock } = await b.logBlocks(9, 0, 0);
    expect(await b.logBlocks(9, 0, lastBlock)).toEqual({ lastBlock, entries: [] });
  });

  test('of a template another node has added units to are stored', async () => {
    await b.commitClaims(batchOf(1, 0, [claim(1)]));
    const more = { firstSerial: 1000, length: 10, spaces: SPACES };
    await a.saveTemplate(template({ id: templateId, total: 1010, version: 2 }), more, null);
    const other = await a.saveTemplate(template({ name: 'Other' }), { ...more, firstSerial: 0 }, null);
    const otherId = other.kind === 'saved' ? other.value.id : 0;
    const batch = batchOf(2, 0, [claim(1009), { ...claim(5), templateId: otherId }]);
    expect(await b.commitClaims(batch)).toEqual({ kind: 'committed' });
  });
});

describe('the catalog', () => {
  test('is followed by its sequence', async () => {
    expect(await b.changesSince(0)).toEqual({ sequence: 0, templates: [], activities: [], extents: [] });
    const extent = { firstSerial: 0, length: 10, spaces: SPACES };
    const first = await a.saveTemplate(template(), extent, null);
    if (first.kind !== 'saved') throw new Error(first.kind);
    const all = await b.changesSince(0);
    expect(all).toMatchObject({ templates: [first.value], activities: [], extents: [first.extent] });
    const sale = await a.saveActivity(activity({ id: 0, templateId: first.value.id }), null);
    const next = await b.changesSince(all.sequence);
    expect(next).toMatchObject({ templates: [], activities: [{ id: 1, name: 'Noon' }], extents: [] });
    expect(sale.kind === 'saved' && sale.value).toEqual(next.activities[0]);
    await a.saveTemplate(template(), null, null);
    await a.saveTemplate(first.value, null, { scope: 's', key: 'k', fingerprint: 'f' });
    expect(await b.changesSince(next.sequence)).toEqual({
      sequence: next.sequence,
      templates: [],
      activities: [],
      extents: [],
    });
    await b.saveTemplate({ ...first.value, name: 'New', version: 2 }, null, null);
    const renamed = await a.changesSince(next.sequence);
    expect(renamed.templates.map(({ name }) => name)).toEqual(['New']);
    await b.addTemplates(['X', 'New', 'Y'].map((name) => template({ name })));
    const added = await a.changesSince(renamed.sequence);
    expect([added.sequence, added.templates.map(({ name }) => name)]).toEqual([
      renamed.sequence + 1,
      ['X', 'Y'],
    ]);
    await b.addTemplates([template({ name: 'X' })]);
    expect((await a.changesSince(added.sequence)).sequence).toBe(added.sequence);
  });

  test('is followed without a gap while two nodes save', async () => {
    const saves = Array.from({ length: 40 }, (_, i) =>
      (i % 2 === 0 ? a : b).saveTemplate(template({ name: `T${i}` }), null, null),
    );
    const seen = new Set<number>();
    let sequence = 0;
    const follow = async (): Promise<void> => {
      const changes = await b.changesSince(sequence);
      sequence = changes.sequence;
      for (const { id } of changes.templates) seen.add(id);
    };
    let saving = true;
    const done = Promise.all(saves).then((outcomes) => {
      saving = false;
      return outcomes;
    });
    while (saving) await follow();
    const outcomes = await done;
    await follow();
    const ids = outcomes.map((one) => (one.kind === 'saved' ? one.value.id : 0));
    expect([...seen].sort((x, y) => x - y)).toEqual(ids.sort((x, y) => x - y));
    expect(seen.size).toBe(40);
  });

  test('takes one of two patterns with codes in common, whoever reserves at the same moment', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const publish = (store: MysqlStore, charset: string) => {
        const request = {
          firstSerial: 0,
          length: 10,
          spaces: [{ space: `R${round}-######|${charset}`, size: 100_000 }],
        };
        return store.saveTemplate(template({ name: `${round} ${charset}` }), request, null);
      };
      const outcomes = await Promise.all([publish(a, '0123456789'), publish(b, '0123456789ABCDEF')]);
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['codes_overlap', 'saved']);
    }
  });

  test('takes one of two patterns also when both templates grow at once, and lets the first grow on', async () => {
    const [one, other] = await Promise.all(
      ['A', 'B'].map((name) => a.saveTemplate(template({ name }), null, null)),
    );
    if (one?.kind !== 'saved' || other?.kind !== 'saved') throw new Error('not saved');
    const grow = (store: MysqlStore, of: typeof one, version: number, charset: string) =>
      store.saveTemplate(
        { ...of.value, version },
        {
          firstSerial: version * 10,
          length: 10,
          spaces: [{ space: `AB-######|${charset}`, size: 100_000 }],
        },
        null,
      );
    const charsets = ['0123456789', '0123456789ABCDEF'];
    const outcomes = await Promise.all([grow(a, one, 2, charsets[0]!), grow(b, other, 2, charsets[1]!)]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['codes_overlap', 'saved']);
    const [winner, charset] = outcomes[0]!.kind === 'saved' ? [one, charsets[0]!] : [other, charsets[1]!];
    expect((await grow(b, winner, 3, charset)).kind).toBe('saved');
  });

  test('takes one of two changes made from the same version', async () => {
    const saved = await a.saveTemplate(template(), null, null);
    if (saved.kind !== 'saved') throw new Error(saved.kind);
    for (let version = 2; version < ROUNDS; version++) {
      const change = (name: string) => ({ ...saved.value, name, version });
      const outcomes = await Promise.all([
        a.saveTemplate(change(`A${version}`), null, null),
        b.saveTemplate(change(`B${version}`), null, null),
      ]);
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['changed', 'saved']);
    }
  });
});
