/**
 * This node's part in one shard. It compares what the record store says of the shard with what this node is, and does
 * what comes next; so it need not remember how it came there, and whatever fails is simply tried again.
 *
 *   closed ──store own logs, take in, join──▶ open ──fenced──▶ suspended ──join──▶ open
 *                                              └──lost──▶ rebuilding ──store own logs, rebuild, take in, join──▶ open
 *
 * A shard that is open and runs needs no record store.
 */
import type { ShardRow } from '../ports-cluster.ts';
import type { Seen } from './catch-up.ts';
import type { ShardPhase } from './cluster-state.ts';
import type { Contributed } from './contribution.ts';
import type { KeeperWorld } from './keeper-world.ts';
import { fillLogId } from './log-ids.ts';
import { OwnSeat } from './own-seat.ts';

const FILLS_CHECK_MS = 10_000;

/** What stops this process. */
export class MustNotGoOn extends Error {
  override readonly name = 'MustNotGoOn';
}

export class ShardKeeper {
  readonly shard: number;
  /** Nodes whose logs must be heard before the shard opens again. */
  waitingFor: readonly string[] = [];
  /** Why the last step failed; null: it did not. */
  trouble: string | null = null;
  /** The stream's length, as last seen. */
  head = 0;
  /** Why the ledger could not be asked the last time; null: it could. */
  ledgerAway: string | null = null;
  private readonly world: KeeperWorld;
  private readonly seat: OwnSeat;
  /** The claims in this node's memory; null: none of the shard. */
  private seen: Seen | null = null;
  /** Where to follow the stream from, to be told with the next `open`. */
  private follow: number | null = null;
  /** Of which incarnation the local logs may hold claims that are not stored; `old`: of any. */
  private unstored: number | 'old' | null;
  private lostIncarnation = 0;
  private isCutOff = false;
  private quiet = true;
  private ownersStarted = 0;
  /** Old claims of a stream are stored when it is stored up to its length of then. */
  private headAtStart: { readonly incarnation: number; readonly head: number } | null = null;
  private left: { readonly incarnation: number; readonly head: number } | null = null;
  private fillsCheckedMs = 0;
  private doing: string | null = 'starting';
  private rebuilding = false;

  constructor(world: KeeperWorld, shard: number, hasOldLogs: boolean) {
    this.world = world;
    this.shard = shard;
    this.seat = new OwnSeat(world.ledger, world.nodeId, shard, world.seatTtlMs);
    this.unstored = hasOldLogs ? 'old' : null;
  }

  get phase(): ShardPhase {
    if (this.rebuilding) return 'rebuilding';
    if (this.doing === null) return 'open';
    return this.seen === null ? 'closed' : 'suspended';
  }

  /** What it is doing instead of being open, for people. */
  get why(): string | null {
    return this.doing === null || this.trouble === null ? this.doing : `${this.doing} (${this.trouble})`;
  }

  /** Whether the logs of earlier processes are still needed, as far as this shard goes. */
  get hasOldClaims(): boolean {
    return this.unstored === 'old';
  }

  // ---------------------------------------------------------------- what was met

  lost(incarnation: number): void {
    this.lostIncarnation = Math.max(this.lostIncarnation, incarnation);
  }

  fenced(epoch: number): void {
    this.seat.fenced(epoch);
  }

  cutOff(incarnation: number): void {
    if (this.seat.incarnation === incarnation) this.isCutOff = true;
  }

  sawHead(head: number): void {
    this.head = Math.max(this.head, head);
  }

  applied(incarnation: number, position: number): void {
    if (this.seen?.incarnation === incarnation && position > this.seen.position)
      this.seen = { incarnation, position };
  }

  /**
   * A life of an owner begins, with at least the first `position` claims of the incarnation and all of those before it:
   * what only its last life knew is to be brought again.
   */
  ownerStarts(incarnation: number, position: number): void {
    this.ownersStarted++;
    // What was brought for the next `open` went to its last life.
    if (this.follow !== null) this.isCutOff = true;
    if (this.seen === null || this.seen.incarnation < incarnation) return;
    const known = this.seen.incarnation === incarnation ? position : 0;
    this.seen = { ...this.seen, position: Math.min(this.seen.position, known) };
  }

  /** Keeps the seat. Rejects when the ledger is away: nothing follows from that. */
  async extend(): Promise<void> {
    const lost = await this.asked(this.seat.extend());
    if (lost !== null) this.lost(lost);
  }

  /** Ends the seats of nodes that are gone. */
  async reclaim(incarnation: number): Promise<void> {
    const sinceMs = this.world.clock.nowMs();
    const stored = this.world.stored(this.shard, incarnation);
    const done = await this.asked(this.world.ledger.reclaim(this.seat.stamp(incarnation)));
    // What is stored stood in the stream before.
    if (done.kind === 'lost' || done.head < stored) return this.lost(incarnation);
    this.head = done.head;
    if (this.headAtStart?.incarnation !== incarnation) this.headAtStart = { incarnation, head: done.head };
    this.seat.saw(incarnation, done.version);
    for (const nodeId of done.nodeIds)
      this.world.departures.ended(this.shard, nodeId, incarnation, done.head, sinceMs);
  }

  private async asked<T>(answer: Promise<T>): Promise<T> {
    try {
      const told = await answer;
      this.ledgerAway = null;
      return told;
    } catch (error) {
      this.ledgerAway = error instanceof Error ? error.message : String(error);
      throw error;
    }
  }

  // ---------------------------------------------------------------- what comes next

  /** Does it. Rejects when it has to be tried again. */
  async step({ state, incarnation }: ShardRow): Promise<void> {
    if (state === 'rebuilding') return await this.replace(incarnation);
    this.rebuilding = false;
    this.waitingFor = [];
    if (this.lostIncarnation === incarnation) return await this.declareLost(incarnation);
    if (this.doing === null && this.seat.holds(incarnation) && !this.isCutOff)
      return await this.look(incarnation);
    await this.quiesce(this.isCutOff ? 'this node fell behind the stream' : "this node's seat has passed");
    if (!(await this.storeOwnLogs(incarnation))) return;
    if (await this.lacksClaims(incarnation)) return await this.declareLost(incarnation);
    await this.remember(incarnation);
    await this.join(incarnation);
  }

  private async declareLost(incarnation: number): Promise<void> {
    await this.quiesce('its ledger has lost data');
    await this.world.store.declareLost(this.shard, incarnation);
  }

  /** The incarnation was lost, or none was ever opened. */
  private async replace(incarnation: number): Promise<void> {
    this.rebuilding = true;
    await this.quiesce('its ledger has lost data');
    this.seat.drop();
    const { store, nodeId, rebuild } = this.world;
    this.doing = 'storing what the local logs have of it';
    const isMember = (await store.members()).some((row) => row.shard === this.shard && row.nodeId === nodeId);
    if (isMember) {
      if (this.unstored !== null) await this.contribute(incarnation);
      await store.contributed(this.shard, nodeId, incarnation);
    }
    this.doing = 'its ledger is being rebuilt';
    const ownLogs = this.unstored === null ? null : (lost: number) => this.contribute(lost);
    const outcome = await rebuild.rebuild(this.shard, ownLogs);
    this.waitingFor = outcome.kind === 'missing' ? outcome.nodeIds : [];
    if (outcome.kind === 'missing')
      this.doing = `waiting for the local logs of ${outcome.nodeIds.join(', ')}`;
    if (outcome.kind === 'conflict') throw new MustNotGoOn(`shard ${this.shard}: ${outcome.detail}`);
    if (outcome.kind === 'failed') throw new Error(outcome.detail);
  }

  /** Before joining: claims that are in the local logs only mean that the ledger lacks them (lacksClaims). */
  private async storeOwnLogs(incarnation: number): Promise<boolean> {
    if (this.unstored === null || this.unstored === incarnation) return true;
    this.doing = 'storing the logs of before';
    if (this.headAtStart?.incarnation !== incarnation) await this.reclaim(incarnation);
    if (this.headAtStart?.incarnation !== incarnation) return false;
    // What the stream still has must be stored first, or it would look as if only the logs had it.
    if (this.world.stored(this.shard, incarnation) < this.headAtStart.head) return false;
    await this.contribute(incarnation);
    return true;
  }

  private async contribute(incarnation: number): Promise<Contributed> {
    const done = await this.world.contribution.contribute(this.shard, incarnation);
    if (done.kind === 'conflict') throw new MustNotGoOn(`shard ${this.shard}: ${done.detail}`);
    this.unstored = null;
    return done;
  }

  /** Claims were filled in beside its stream: whoever did it may have died before he could say that it is lost. */
  private async lacksClaims(incarnation: number): Promise<boolean> {
    this.fillsCheckedMs = this.world.clock.nowMs();
    const fills = await this.world.store.logBlocks(fillLogId(this.shard, incarnation), 0, 0);
    return fills.entries.length > 0;
  }

  private async remember(incarnation: number): Promise<void> {
    if (this.seen?.incarnation === incarnation && !this.isCutOff) return;
    this.doing = 'reading stored claims';
    const { ownersStarted } = this;
    const position = await this.world.catchUp.bring(this.shard, this.seen, incarnation);
    if (ownersStarted !== this.ownersStarted) throw new Error('an owner began anew meanwhile');
    this.seen = { incarnation, position };
    this.follow = position;
    this.isCutOff = false;
  }

  private async join(incarnation: number): Promise<void> {
    this.doing = 'joining';
    const { store, nodeId, main } = this.world;
    if (!(await store.joinShard(this.shard, nodeId, incarnation))) return;
    this.unstored = incarnation;
    const joined = await this.seat.join(incarnation);
    if (joined === null) return this.lost(incarnation);
    // Again, behind the join: whoever saw an earlier seat of this node end may have taken the membership with it.
    await this.world.beat();
    if (!(await store.joinShard(this.shard, nodeId, incarnation))) return;
    if (this.isCutOff) return;
    this.seat.take(joined.seat);
    this.sawHead(joined.head);
    this.quiet = false;
    this.doing = null;
    main.open(joined.seat, joined.head, this.follow);
    this.follow = null;
  }

  /** While it runs: someone may have taken this node for dead, or stored claims that the ledger lacks. */
  private async look(incarnation: number): Promise<void> {
    if (!this.world.isMember(this.shard))
      await this.world.store.joinShard(this.shard, this.world.nodeId, incarnation);
    if (this.world.clock.nowMs() - this.fillsCheckedMs < FILLS_CHECK_MS) return;
    if (await this.lacksClaims(incarnation)) this.lost(incarnation);
  }

  private async quiesce(reason: string): Promise<void> {
    if (this.quiet) return;
    this.doing = reason;
    await this.world.main.suspend(this.shard, reason);
    this.quiet = true;
  }

  // ---------------------------------------------------------------- the end

  /** Owners have stopped. */
  async leave(): Promise<void> {
    this.doing = 'stopping';
    this.left = await this.seat.leave();
  }

  /** → whether everything of the shard in this node's logs is stored; it ceases to be a member then. */
  async settle(): Promise<boolean> {
    if (this.unstored === null) return true;
    if (this.left === null || this.unstored !== this.left.incarnation) return false;
    const { incarnation, head } = this.left;
    if (this.world.stored(this.shard, incarnation) < head) return false;
    await this.world.store.leaveShard(this.shard, this.world.nodeId, incarnation);
    this.unstored = null;
    return true;
  }
}
