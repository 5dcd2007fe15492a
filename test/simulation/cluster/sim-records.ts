/** The record store: what MySQL does (records/mysql), one call after the other, in memory; and the way to it. */
import { ENTRY_BYTES, ENTRY_WORDS, entryWords } from '../../../src/claimlog/entry.ts';
import { shardLogOf } from '../../../src/cluster/log-ids.ts';
import type { Activity, CodeExtent, Template } from '../../../src/domain/template.ts';
import type { ClaimBatch, CommitOutcome, RecordStore } from '../../../src/ports.ts';
import type { ClusterStore, FillOutcome, MemberRow, NodeRow } from '../../../src/ports-cluster.ts';
import { type Fate, Line, type Server } from './line.ts';
import type { Thread } from './thread.ts';
import type { World } from './world.ts';

export type SimStore = Omit<
  RecordStore & ClusterStore,
  | 'saveTemplate'
  | 'addTemplates'
  | 'saveActivity'
  | 'wallet'
  | 'coupon'
  | 'spentCoupons'
  | 'changesSince'
  | 'close'
  | 'keepFact'
>;

interface Block {
  readonly id: number;
  readonly logId: number;
  toOffset: number | null;
  entries: Uint8Array;
}

interface Shard {
  state: 'open' | 'rebuilding';
  incarnation: number;
  last: number;
  rebuilder: string | null;
  untilMs: number;
  openedUs: number;
}

const PAGE_BLOCKS = 4;
/** Small batches share a block, as in MySQL. */
const SHARED_BYTES = 12 * ENTRY_BYTES;
const LATE_US = 2_000_000;

export class SimRecords implements Server {
  readonly templateRows: Template[] = [];
  readonly activityRows: Activity[] = [];
  readonly extentRows: CodeExtent[] = [];
  /** By coupon: the ten words. */
  readonly rows = new Map<number, Uint32Array>();
  readonly blocks: Block[] = [];
  readonly marks = new Map<number, { offset: number; fence: number }>();
  readonly shardRows = new Map<number, Shard>();
  memberRows: MemberRow[] = [];
  readonly connection = 0;
  readonly delayUs: number;
  faultRate = 0;
  private readonly nodeRows = new Map<string, Omit<NodeRow, 'seenAgoMs'> & { seenAtMs: number }>();
  private readonly world: World;
  private isDown = false;

  constructor(world: World) {
    this.world = world;
    this.delayUs = world.random.skewed(2_000, 60_000);
  }

  get scheduler() {
    return this.world.scheduler;
  }

  get random() {
    return this.world.random;
  }

  private get nowMs(): number {
    return this.scheduler.nowUs / 1_000;
  }

  // ---------------------------------------------------------------- the way to it

  fate(): Fate {
    const { random } = this.world;
    if (this.isDown) return 'refused';
    if (!random.chance(this.faultRate)) return 'arrives';
    return random.pick(['requestLost', 'replyLost', 'requestLate']);
  }

  latenessUs(): number {
    return this.random.skewed(20_000, LATE_US);
  }

  saw(fate: Fate): void {
    const { faults } = this.world;
    if (fate === 'requestLost') faults.seen('storeRequestLost');
    else if (fate === 'replyLost') faults.seen('storeReplyLost');
    else if (fate === 'requestLate') faults.seen('storeLate');
  }

  serve(run: () => void): 'now' | 'waits' | 'never' {
    if (this.isDown) return 'never';
    run();
    return 'now';
  }

  down(forUs: number): void {
    this.world.faults.seen('storeDown');
    this.isDown = true;
    this.scheduler.later(forUs, () => {
      this.isDown = false;
    });
  }

  calm(): void {
    this.isDown = false;
    this.faultRate = 0;
  }

  /** One client of it. Whatever the engine does not ask of it here is not there. */
  client(thread: Thread, nodeId: string): RecordStore & ClusterStore {
    const line = new Line(this, thread, nodeId);
    const calls = this.world.parts.store(this.calls(), this);
    const client: Record<string, unknown> = {};
    for (const [name, call] of Object.entries(calls) as [string, (...args: unknown[]) => unknown][])
      client[name] = (...args: unknown[]) => line.call(() => call(...args));
    return client as unknown as RecordStore & ClusterStore;
  }

  // ---------------------------------------------------------------- what it does

  calls(): { [K in keyof SimStore]: (...args: Parameters<SimStore[K]>) => Awaited<ReturnType<SimStore[K]>> } {
    return {
      templates: () => [...this.templateRows],
      activities: () => [...this.activityRows],
      extents: () => [...this.extentRows],
      commitClaims: (batch) => this.commitClaims(batch),
      watermarks: () => [...this.marks].map(([logId, { offset }]) => ({ logId, offset })),
      claimBlocks: (afterBlock) => page(this.blocks, afterBlock),
      countByTemplate: () =>
        this.templateRows.map(({ id }) => ({ templateId: id, count: this.rowsOf(id).length })),
      takeFence: (logId) => {
        const mark = this.mark(logId);
        return { fence: ++mark.fence, offset: mark.offset };
      },
      fillIn: (logId, entries) => {
        const stored = this.insert(entries);
        if (stored.kind === 'filled') {
          if (stored.entries.length > 0) this.world.faults.seen('filledIn');
          this.addBlock(logId, null, stored.entries);
        }
        return stored;
      },
      logBlocks: (logId, fromOffset, afterBlock) => {
        const wanted = this.blocks.filter(
          (block) => block.logId === logId && (block.toOffset === null || block.toOffset > fromOffset),
        );
        return page(wanted, afterBlock);
      },
      registerNode: (nodeId, startId, host) => {
        const nowMs = this.nowMs;
        this.nodeRows.set(nodeId, {
          nodeId,
          startId,
          host,
          startedAtMs: nowMs,
          seenAtMs: nowMs,
          state: 'up',
        });
        return 'registered';
      },
      beat: (nodeId, startId) => {
        const node = this.nodeRows.get(nodeId);
        if (node === undefined) return 'forgotten';
        if (node.startId !== startId) return 'replaced';
        node.seenAtMs = this.nowMs;
        return 'ok';
      },
      nodeStopped: (nodeId, startId) => {
        const node = this.nodeRows.get(nodeId);
        if (node?.startId === startId) this.nodeRows.set(nodeId, { ...node, state: 'stopped' });
      },
      nodes: () =>
        [...this.nodeRows.values()].map(({ seenAtMs, ...node }) => ({
          ...node,
          seenAgoMs: this.nowMs - seenAtMs,
        })),
      forgetNode: (nodeId) => {
        this.memberRows = this.memberRows.filter((row) => row.nodeId !== nodeId);
      },
      ensureShards: (count) => {
        for (let shard = 0; shard < count; shard++) {
          if (this.shardRows.has(shard)) continue;
          const blank = { incarnation: 0, last: 0, rebuilder: null, untilMs: 0, openedUs: 0 };
          this.shardRows.set(shard, { state: 'rebuilding', ...blank });
        }
      },
      shards: () =>
        [...this.shardRows].map(([shard, { state, incarnation, rebuilder, untilMs }]) => ({
          shard,
          state,
          incarnation,
          rebuilder: state === 'rebuilding' && untilMs > this.nowMs ? rebuilder : null,
        })),
      members: () => [...this.memberRows],
      joinShard: (shard, nodeId, incarnation) => {
        if (!this.isOpen(shard, incarnation)) return false;
        if (!this.memberRows.some((row) => row.shard === shard && row.nodeId === nodeId))
          this.memberRows.push({ shard, nodeId, contributed: incarnation - 1 });
        return true;
      },
      leaveShard: (shard, nodeId, incarnation) => {
        if (!this.isOpen(shard, incarnation)) return;
        this.memberRows = this.memberRows.filter((row) => row.shard !== shard || row.nodeId !== nodeId);
      },
      declareLost: (shard, incarnation) => {
        if (!this.isOpen(shard, incarnation)) return;
        this.world.faults.seen('shardLost');
        Object.assign(this.shardRows.get(shard)!, { state: 'rebuilding', rebuilder: null, untilMs: 0 });
      },
      contributed: (shard, nodeId, incarnation) => {
        const row = this.shardRows.get(shard)!;
        const upTo = row.state === 'open' ? Math.min(incarnation, row.incarnation - 1) : incarnation;
        this.memberRows = this.memberRows.map((member) =>
          member.shard === shard && member.nodeId === nodeId
            ? { ...member, contributed: Math.max(member.contributed, upTo) }
            : member,
        );
      },
      takeRebuild: (shard, nodeId, patienceMs) => {
        const row = this.shardRows.get(shard)!;
        const taken = row.rebuilder !== null && row.untilMs > this.nowMs;
        if (row.state === 'open' || (taken && row.rebuilder !== nodeId)) return { kind: 'busy' };
        const silent = this.memberRows.filter(
          (member) => member.shard === shard && member.contributed < row.incarnation,
        );
        if (silent.length > 0) {
          this.world.faults.seen('waitedForMember');
          return { kind: 'missing', nodeIds: silent.map((member) => member.nodeId) };
        }
        Object.assign(row, { rebuilder: nodeId, untilMs: this.nowMs + patienceMs });
        return { kind: 'taken', incarnation: ++row.last, lost: row.incarnation };
      },
      openShard: (shard, nodeId, incarnation) => {
        const row = this.shardRows.get(shard)!;
        if (row.rebuilder !== nodeId || row.last !== incarnation) return false;
        if (row.state === 'open') return true;
        this.memberRows = this.memberRows.filter((member) => member.shard !== shard);
        Object.assign(row, { state: 'open', incarnation, openedUs: this.scheduler.nowUs });
        this.world.trace(() => `shard ${shard} open at ${incarnation}`);
        return true;
      },
    };
  }

  commitClaims(batch: ClaimBatch): CommitOutcome {
    const { logId, fromOffset, toOffset, entries, fence = 0 } = batch;
    const mark = this.mark(logId);
    if (mark.fence !== fence) {
      this.world.faults.seen('commitFenced');
      return { kind: 'fenced' };
    }
    if (mark.offset !== fromOffset) {
      this.world.faults.seen('commitStale');
      return { kind: 'stale', offset: mark.offset };
    }
    const stored = this.insert(entries);
    if (stored.kind === 'conflict') return stored;
    this.addBlock(logId, toOffset, stored.entries, fromOffset);
    mark.offset = toOffset;
    this.assertStored(logId, toOffset);
    return { kind: 'committed' };
  }

  /** A watermark never passes what is stored. */
  private assertStored(logId: number, offset: number): void {
    const log = shardLogOf(logId);
    if (log === null) return;
    const data = this.world.redis.data(log.shard);
    if (data.incarnation !== log.incarnation || data.claims.length * ENTRY_BYTES < offset) return;
    for (const [templateId, serial] of data.claims.slice(0, offset / ENTRY_BYTES)) {
      if (!this.rows.has(templateId * 2 ** 32 + serial))
        throw new Error(
          `the watermark of log ${logId} passed unit ${templateId}/${serial}, which is not stored`,
        );
    }
  }

  rowsOf(templateId: number): Uint32Array[] {
    return [...this.rows.values()].filter((words) => words[0] === templateId);
  }

  private isOpen(shard: number, incarnation: number): boolean {
    const row = this.shardRows.get(shard)!;
    return row.state === 'open' && row.incarnation === incarnation;
  }

  private mark(logId: number): { offset: number; fence: number } {
    const mark = this.marks.get(logId) ?? { offset: 0, fence: 0 };
    this.marks.set(logId, mark);
    return mark;
  }

  private addBlock(logId: number, toOffset: number | null, entries: Uint8Array, fromOffset = -1): void {
    if (entries.length === 0) return;
    const open = this.blocks.findLast((block) => block.logId === logId && block.toOffset === fromOffset);
    if (open === undefined || open.entries.length + entries.length > SHARED_BYTES) {
      this.blocks.push({ id: this.blocks.length + 1, logId, toOffset, entries });
      return;
    }
    const both = new Uint8Array(open.entries.length + entries.length);
    both.set(open.entries);
    both.set(entries, open.entries.length);
    open.entries = both;
    open.toOffset = toOffset;
  }

  private insert(entries: Uint8Array): FillOutcome {
    const words = entryWords(entries);
    const fresh = new Map<number, Uint32Array>();
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      const couponId = words[at] * 2 ** 32 + words[at + 1];
      const entry = words.slice(at, at + ENTRY_WORDS);
      const before = this.rows.get(couponId) ?? fresh.get(couponId);
      if (before === undefined) fresh.set(couponId, entry);
      else if (before.some((word, i) => word !== entry[i]))
        return { kind: 'conflict', couponId, detail: `unit ${entry[0]}/${entry[1]} has two holders` };
    }
    const filled = new Uint32Array(fresh.size * ENTRY_WORDS);
    let at = 0;
    for (const [couponId, entry] of fresh) {
      this.rows.set(couponId, entry);
      this.world.oracle.stored(entry);
      filled.set(entry, at);
      at += ENTRY_WORDS;
    }
    return { kind: 'filled', entries: new Uint8Array(filled.buffer) };
  }
}

function page(blocks: readonly Block[], afterBlock: number) {
  const rest = blocks.filter(({ id }) => id > afterBlock).slice(0, PAGE_BLOCKS);
  return {
    lastBlock: rest.at(-1)?.id ?? afterBlock,
    entries: rest.map(({ entries }) => new Uint8Array(entries)),
  };
}
