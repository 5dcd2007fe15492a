/** The record store as the coordination sees it, in memory: written for being obviously right. It can be away. */
import { ENTRY_BYTES, ENTRY_WORDS, entryWords } from '../../src/claimlog/entry.ts';
import type { Activity, CodeExtent, Template } from '../../src/domain/template.ts';
import type { ClaimBatch, CommitOutcome, RecordStore } from '../../src/ports.ts';
import type { ClusterStore, FillOutcome, MemberRow, NodeRow } from '../../src/ports-cluster.ts';

interface Block {
  readonly id: number;
  readonly logId: number;
  readonly toOffset: number | null;
  readonly entries: Uint8Array;
}

interface ClaimsCopy {
  readonly rows: ReadonlyMap<string, Uint8Array>;
  readonly blocks: readonly Block[];
  readonly marks: ReadonlyMap<number, { offset: number; fence: number }>;
}

interface Shard {
  state: 'open' | 'rebuilding';
  incarnation: number;
  last: number;
  rebuilder: string | null;
  untilMs: number;
}

type StoredNode = Omit<NodeRow, 'seenAgoMs' | 'state'> & { state: NodeRow['state']; seenAtMs: number };

type Store = Omit<
  RecordStore & ClusterStore,
  'saveTemplate' | 'addTemplates' | 'saveActivity' | 'wallet' | 'coupon' | 'spentCoupons' | 'changesSince'
>;

export class MemoryClusterStore implements Store {
  /** Every call rejects. */
  isAway = false;
  readonly templateList: Template[] = [];
  readonly activityList: Activity[] = [];
  readonly extentList: CodeExtent[] = [];
  /** Rows: coupon → its entry. */
  readonly rows = new Map<string, Uint8Array>();
  readonly blocks: Block[] = [];
  private readonly marks = new Map<number, { offset: number; fence: number }>();
  private readonly nodeRows = new Map<string, StoredNode>();
  private readonly shardRows = new Map<number, Shard>();
  private memberRows: MemberRow[] = [];
  private readonly facts = new Map<string, string>();
  private readonly nowMs: () => number;

  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** As one node sees it: what it sends while it is cut off or frozen does not arrive. */
  seenBy(isCutOff: () => boolean): RecordStore & ClusterStore {
    return new Proxy(this, {
      get: (store, name) => {
        const member = Reflect.get(store, name);
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]) => {
          if (this.isAway || isCutOff()) throw new Error('the record store is away');
          return member.apply(store, args);
        };
      },
    }) as unknown as RecordStore & ClusterStore;
  }

  // ---- catalog
  async templates(): Promise<Template[]> {
    return [...this.templateList];
  }
  async activities(): Promise<Activity[]> {
    return [...this.activityList];
  }
  async extents(): Promise<CodeExtent[]> {
    return [...this.extentList];
  }
  async keepFact(name: string, value: string): Promise<string> {
    if (!this.facts.has(name)) this.facts.set(name, value);
    return this.facts.get(name)!;
  }
  async close(): Promise<void> {}

  // ---- claims
  async commitClaims(batch: ClaimBatch): Promise<CommitOutcome> {
    const { logId, fromOffset, toOffset, entries, fence = 0 } = batch;
    const mark = this.mark(logId);
    if (mark.fence !== fence) return { kind: 'fenced' };
    if (mark.offset !== fromOffset) return { kind: 'stale', offset: mark.offset };
    const stored = this.insert(entries);
    if (stored.kind === 'conflict') return stored;
    this.addBlock(logId, toOffset, stored.entries);
    mark.offset = toOffset;
    return { kind: 'committed' };
  }
  async fillIn(logId: number, entries: Uint8Array): Promise<FillOutcome> {
    const stored = this.insert(entries);
    if (stored.kind === 'filled') this.addBlock(logId, null, stored.entries);
    return stored;
  }
  async takeFence(logId: number): Promise<{ fence: number; offset: number }> {
    const mark = this.mark(logId);
    return { fence: ++mark.fence, offset: mark.offset };
  }
  async watermarks() {
    return [...this.marks].map(([logId, { offset }]) => ({ logId, offset }));
  }
  async claimBlocks(afterBlock: number) {
    return page(this.blocks, afterBlock);
  }
  async logBlocks(logId: number, fromOffset: number, afterBlock: number) {
    const wanted = this.blocks.filter(
      (block) => block.logId === logId && (block.toOffset === null || block.toOffset > fromOffset),
    );
    return page(wanted, afterBlock);
  }
  async countByTemplate() {
    return this.templateList.map(({ id }) => ({
      templateId: id,
      count: [...this.rows.keys()].filter((key) => key.startsWith(`${id}/`)).length,
    }));
  }

  // ---- nodes
  async registerNode(nodeId: string, startId: string, host: string): Promise<'registered' | 'forgotten'> {
    if (this.nodeRows.get(nodeId)?.state === 'forgotten') return 'forgotten';
    const nowMs = this.nowMs();
    this.nodeRows.set(nodeId, { nodeId, startId, host, startedAtMs: nowMs, seenAtMs: nowMs, state: 'up' });
    return 'registered';
  }
  async beat(nodeId: string, startId: string): Promise<'ok' | 'forgotten' | 'replaced'> {
    const node = this.nodeRows.get(nodeId);
    if (node === undefined || node.state === 'forgotten') return 'forgotten';
    if (node.startId !== startId) return 'replaced';
    node.seenAtMs = this.nowMs();
    return 'ok';
  }
  async nodeStopped(nodeId: string): Promise<void> {
    this.nodeRows.get(nodeId)!.state = 'stopped';
  }
  async nodes(): Promise<NodeRow[]> {
    return [...this.nodeRows.values()].map(({ seenAtMs, ...node }) => ({
      ...node,
      seenAgoMs: this.nowMs() - seenAtMs,
    }));
  }
  async forgetNode(nodeId: string): Promise<void> {
    this.nodeRows.get(nodeId)!.state = 'forgotten';
    this.memberRows = this.memberRows.filter((row) => row.nodeId !== nodeId);
  }

  // ---- shards
  async ensureShards(count: number): Promise<void> {
    for (let shard = 0; shard < count; shard++) {
      if (this.shardRows.has(shard)) continue;
      this.shardRows.set(shard, {
        state: 'rebuilding',
        incarnation: 0,
        last: 0,
        rebuilder: null,
        untilMs: 0,
      });
    }
  }
  async shards() {
    return [...this.shardRows].map(([shard, { state, incarnation, rebuilder, untilMs }]) => ({
      shard,
      state,
      incarnation,
      rebuilder: state === 'rebuilding' && untilMs > this.nowMs() ? rebuilder : null,
    }));
  }
  async members(): Promise<MemberRow[]> {
    return [...this.memberRows];
  }
  async joinShard(shard: number, nodeId: string, incarnation: number): Promise<boolean> {
    if (!this.isOpen(shard, incarnation) || this.nodeRows.get(nodeId)?.state === 'forgotten') return false;
    if (!this.memberRows.some((row) => row.shard === shard && row.nodeId === nodeId))
      this.memberRows.push({ shard, nodeId, contributed: incarnation - 1 });
    return true;
  }
  async leaveShard(shard: number, nodeId: string, incarnation: number): Promise<void> {
    if (!this.isOpen(shard, incarnation)) return;
    this.memberRows = this.memberRows.filter((row) => row.shard !== shard || row.nodeId !== nodeId);
  }
  async declareLost(shard: number, incarnation: number): Promise<void> {
    if (!this.isOpen(shard, incarnation)) return;
    Object.assign(this.shardRows.get(shard)!, { state: 'rebuilding', rebuilder: null, untilMs: 0 });
  }
  async contributed(shard: number, nodeId: string, incarnation: number): Promise<void> {
    this.memberRows = this.memberRows.map((row) =>
      row.shard === shard && row.nodeId === nodeId
        ? { ...row, contributed: Math.max(row.contributed, incarnation) }
        : row,
    );
  }
  async takeRebuild(shard: number, nodeId: string, patienceMs: number) {
    const row = this.shardRows.get(shard)!;
    const taken = row.rebuilder !== null && row.untilMs > this.nowMs();
    if (row.state === 'open' || (taken && row.rebuilder !== nodeId)) return { kind: 'busy' } as const;
    const silent = this.memberRows.filter((m) => m.shard === shard && m.contributed < row.incarnation);
    if (silent.length > 0) return { kind: 'missing', nodeIds: silent.map((m) => m.nodeId) } as const;
    Object.assign(row, { rebuilder: nodeId, untilMs: this.nowMs() + patienceMs });
    return { kind: 'taken', incarnation: ++row.last, lost: row.incarnation } as const;
  }
  async openShard(shard: number, nodeId: string, incarnation: number): Promise<boolean> {
    const row = this.shardRows.get(shard)!;
    if (row.rebuilder !== nodeId || row.last !== incarnation) return false;
    if (row.state === 'open') return true;
    this.memberRows = this.memberRows.filter((m) => m.shard !== shard);
    Object.assign(row, { state: 'open', incarnation });
    return true;
  }

  private isOpen(shard: number, incarnation: number): boolean {
    const row = this.shardRows.get(shard)!;
    return row.state === 'open' && row.incarnation === incarnation;
  }

  /** A copy of what is stored of claims, for `goBackTo`. */
  copyOfClaims(): ClaimsCopy {
    const marks = [...this.marks].map(([logId, mark]) => [logId, { ...mark }] as const);
    return { rows: new Map(this.rows), blocks: [...this.blocks], marks: new Map(marks) };
  }

  /** As a database that failed over without its last rows. */
  goBackTo({ rows, blocks, marks }: ClaimsCopy): void {
    this.rows.clear();
    for (const [unit, entry] of rows) this.rows.set(unit, entry);
    this.blocks.splice(0, this.blocks.length, ...blocks);
    this.marks.clear();
    for (const [logId, mark] of marks) this.marks.set(logId, { ...mark });
  }

  private mark(logId: number): { offset: number; fence: number } {
    const mark = this.marks.get(logId) ?? { offset: 0, fence: 0 };
    this.marks.set(logId, mark);
    return mark;
  }

  private addBlock(logId: number, toOffset: number | null, entries: Uint8Array): void {
    if (entries.length > 0) this.blocks.push({ id: this.blocks.length + 1, logId, toOffset, entries });
  }

  private insert(entries: Uint8Array): FillOutcome {
    const words = entryWords(entries);
    const fresh: [string, Uint8Array][] = [];
    for (let at = 0; at < words.length; at += ENTRY_WORDS) {
      const key = `${words[at]}/${words[at + 1]}`;
      const entry = entries.slice(at * 4, at * 4 + ENTRY_BYTES);
      const before = this.rows.get(key) ?? fresh.find(([other]) => other === key)?.[1];
      if (before === undefined) fresh.push([key, entry]);
      else if (!Buffer.from(before).equals(entry))
        return { kind: 'conflict', couponId: words[at + 1], detail: `unit ${key} has two holders` };
    }
    for (const [key, entry] of fresh) this.rows.set(key, entry);
    return { kind: 'filled', entries: Buffer.concat(fresh.map(([, entry]) => entry)) };
  }
}

function page(blocks: readonly Block[], afterBlock: number) {
  const rest = blocks.filter(({ id }) => id > afterBlock).slice(0, 2);
  return { lastBlock: rest.at(-1)?.id ?? afterBlock, entries: rest.map(({ entries }) => entries) };
}
