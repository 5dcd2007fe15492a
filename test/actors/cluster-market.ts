/**
 * Nodes of one owner each over the model of one shard's ledger. Nothing moves unless the test moves it: what is sent is
 * executed, answered and followed in any order that real connections allow.
 */
import assert from 'node:assert/strict';
import { ClusterOwner } from '../../src/actors/cluster-owner.ts';
import { commitGroups, type Flight } from '../../src/actors/commit-queue.ts';
import type { TemplateRules } from '../../src/actors/rules.ts';
import { type PoolState, TemplateActor } from '../../src/actors/template-actor.ts';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { UserTable } from '../../src/actors/user-table.ts';
import { ENTRY_BYTES, entryWords } from '../../src/claimlog/entry.ts';
import type { LeaseOutcome, PoolRef } from '../../src/ports.ts';
import type { CommitAnswer } from '../../src/ports-commit.ts';
import { type ShardSeat, shardOf } from '../../src/ports-ledger.ts';
import { ShardModel } from '../ledger/model/shard-model.ts';
import type { Answer } from './owner-stage.ts';
import { poolRules, TEMPLATE, templateRules } from './rules.ts';

const SHARD = shardOf(TEMPLATE);
const LONG_MS = 1_000_000;
/** Units asked for at once: few, so that slices run out. */
const WANT_UNITS = 4;
/** One of one coupon a user; one of two, with an activity of one. */
export const RULES: readonly TemplateRules[] = [
  templateRules(),
  templateRules({
    templateId: TEMPLATE + 16,
    perUserLimit: 2,
    pools: [poolRules({ perUserLimit: 2 }), poolRules({ activityId: 8 })],
  }),
];

interface Sent {
  readonly flight: Flight;
  readonly seat: ShardSeat;
  answer: CommitAnswer | null;
}

export class MarketNode {
  readonly name: string;
  readonly owner: ClusterOwner;
  readonly answers: Answer[] = [];
  sent: Sent | null = null;
  private readonly market: ClusterMarket;
  private asks: PoolRef[] = [];
  private seat: ShardSeat | null = null;
  private mayOpen = false;
  private joins = 0;
  private sequence = 0;
  private position = 0;
  private end = 0;
  private durable = 0;

  constructor(market: ClusterMarket, name: string) {
    this.market = market;
    this.name = name;
    this.owner = new ClusterOwner(0, {
      append: () => ++this.end,
      durable: () => this.durable,
      appended: () => {},
      reply: (slot, verdict, serial) => this.answers.push({ slot, verdict, serial }),
      askLease: (ref) => this.asks.push(ref),
      giveBack: (ref, _holder, _epoch, _sold, unsold) => {
        // What is said about a lease that has ended is not listened to.
        if (this.seat === null) return;
        const done = market.model.giveBack(this.seat, ref, ++this.sequence, [], unsold);
        assert.equal(done.kind, 'done', 'only units of the own lease are given back');
      },
      commit: (_shard, flight) => {
        assert(this.sent === null || this.seat !== this.sent.seat, 'one flight at a time');
        this.sent = { flight, seat: this.seat as ShardSeat, answer: null };
      },
      followed: () => {},
      refused: () => assert.fail('nothing is refused here'),
      quiesced: () => {
        this.mayOpen = true;
      },
    });
    for (const rules of RULES) {
      const units = new UnitTable([]);
      units.grow(market.total);
      this.owner.learn(rules.templateId, market.total);
      this.owner.add(new TemplateActor(rules, 0, UserTable.create(market.total), units));
    }
    this.join();
  }

  get pools(): PoolState[] {
    return [...this.owner.allActors()].flatMap((actor) => [...actor.pools.values()]);
  }

  claim(claims: readonly (readonly [pool: number, user: number, key: number])[]): void {
    const { owner, market, pools } = this;
    owner.begin(market.nowMs);
    for (const [at, user, key] of claims) {
      const { actor, rules } = pools[at];
      const { templateId } = actor.rules;
      owner.claim(market.newSlot({ templateId, user }), templateId, 0, rules.activityId, user, 0, key, 0);
    }
    owner.end();
  }

  execute(): void {
    const { sent } = this;
    if (sent === null || sent.answer !== null) return;
    const { flight, seat } = sent;
    const { sequence, timeMs } = flight;
    const batch = { seat, owner: 0, life: 1, sequence, timeLo: timeMs, groups: commitGroups(flight) };
    sent.answer = this.market.model.commit(batch);
  }

  hear(): void {
    const { sent } = this;
    if (sent === null || sent.answer === null) return;
    this.sent = null;
    this.owner.committed(SHARD, sent.flight, sent.answer, this.market.nowMs);
  }

  despair(): void {
    if (this.sent !== null) this.owner.commitLate(SHARD, this.sent.flight);
  }

  sync(): void {
    this.durable = this.end;
    this.owner.release();
  }

  follow(max: number): void {
    const words = entryWords(this.market.model.read(1, this.position, max));
    this.position += (words.length * 4) / ENTRY_BYTES;
    this.owner.follow(SHARD, words, this.position, this.market.nowMs);
  }

  /** Answers the oldest ask, as main would: what is pending here still may be sold or come back. */
  lease(): void {
    const ref = this.asks.shift();
    if (ref === undefined || this.seat === null) return;
    const outcome = this.market.model.lease(this.seat, ref, ++this.sequence, [], [], WANT_UNITS);
    const { slice } = this.owner.actor(ref.templateId, 0)!.pools.get(ref.activityId)!;
    let told: LeaseOutcome = { kind: 'recalling' };
    if (outcome.kind === 'granted') told = { ...outcome, epoch: this.seat.epoch };
    else if (outcome.kind === 'exhausted' && slice.pending + slice.unsold === 0) told = outcome;
    this.owner.leaseOutcome(ref, 0, told, this.market.nowMs);
  }

  recall(at: number, all: boolean): void {
    const { actor, rules } = this.pools[at];
    const ref = { templateId: actor.rules.templateId, activityId: rules.activityId };
    this.owner.recall(ref, 0, all, this.market.nowMs);
  }

  replenish(): void {
    for (const { actor, rules } of this.pools)
      this.owner.replenished({ templateId: actor.rules.templateId, activityId: rules.activityId }, 0);
  }

  /** The seat is gone, with all that was leased under it; what is on its way comes to nothing if it comes now. */
  leave(): void {
    if (this.seat === null) return;
    this.owner.suspend(SHARD);
    this.seat = null;
    this.asks = [];
    this.sent = null;
  }

  join(): void {
    if (this.seat !== null || (this.joins > 0 && !this.mayOpen)) return;
    const stamp = { shard: SHARD, incarnation: 1, version: 0 };
    const joined = this.market.model.join(stamp, this.name, `${++this.joins}`, LONG_MS);
    assert(joined.kind === 'joined');
    while (this.position < joined.head) this.follow(joined.head);
    this.seat = { ...stamp, nodeId: this.name, epoch: joined.epoch };
    [this.mayOpen, this.sequence] = [false, 0];
    this.owner.openShard(SHARD);
  }
}

export class ClusterMarket {
  readonly model = new ShardModel(SHARD);
  readonly nodes: MarketNode[];
  readonly total: number;
  nowMs = 1_000;
  /** By slot. */
  readonly claims: { readonly templateId: number; readonly user: number }[] = [];

  constructor(names: readonly string[], total: number) {
    this.total = total;
    const plans = RULES.flatMap(({ templateId }, i) => {
      const ofActivity = i === 0 ? 0 : Math.floor(total / 3);
      const plan = (activityId: number, units: number, from: number, to: number) => {
        const free = from < to ? [{ from, to }] : [];
        return { ref: { templateId, activityId }, units, closed: false, free, leased: [] };
      };
      const general = plan(0, total, 0, total - ofActivity);
      return i === 0 ? [general] : [general, plan(8, ofActivity, total - ofActivity, total)];
    });
    this.model.open(1, plans, []);
    this.nodes = names.map((name) => new MarketNode(this, name));
  }

  newSlot(claim: { readonly templateId: number; readonly user: number }): number {
    return this.claims.push(claim) - 1;
  }

  /** Everything that is on its way arrives; what waits for units gets them, or its time passes. */
  settle(): void {
    for (let round = 0; round < 8; round++) {
      for (const node of this.nodes) {
        node.execute();
        node.hear();
        node.sync();
        node.join();
        node.follow(Number.POSITIVE_INFINITY);
        node.sync();
        node.replenish();
        for (let asks = 0; asks < 4; asks++) node.lease();
      }
    }
    this.nowMs += LONG_MS;
    for (const node of this.nodes) {
      while (node.sent !== null) {
        node.execute();
        node.hear();
      }
      node.sync();
      node.owner.tick(this.nowMs);
    }
    for (const node of this.nodes) {
      node.follow(Number.POSITIVE_INFINITY);
      node.sync();
    }
  }
}
