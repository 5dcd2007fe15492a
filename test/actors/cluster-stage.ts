/** An owner of a cluster with nothing around it: the test is its log, the shared ledger and the streams. */
import { ClusterOwner } from '../../src/actors/cluster-owner.ts';
import type { Flight } from '../../src/actors/commit-queue.ts';
import type { TemplateRules } from '../../src/actors/rules.ts';
import { type PoolState, TemplateActor } from '../../src/actors/template-actor.ts';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { UserTable } from '../../src/actors/user-table.ts';
import { ENTRY_WORDS, writeEntry } from '../../src/claimlog/entry.ts';
import { HEADER_WORDS } from '../../src/claimlog/frame.ts';
import type { LeaseOutcome, SerialRange } from '../../src/ports.ts';
import { Committed } from '../../src/ports-commit.ts';
import { shardOf } from '../../src/ports-ledger.ts';
import type { Answer } from './owner-stage.ts';
import { TEMPLATE, templateRules } from './rules.ts';

export const SHARD = shardOf(TEMPLATE);
const TOTAL = 10_000;

/** What the ledger says to one claim. */
export type Said = readonly [verdict: number, serial: number];

export interface Sent {
  readonly shard: number;
  readonly flight: Flight;
}

export interface Given {
  readonly sold: readonly SerialRange[];
  readonly unsold: readonly SerialRange[];
}

export class ClusterStage {
  readonly owner: ClusterOwner;
  readonly answers: Answer[] = [];
  readonly sent: Sent[] = [];
  readonly asked: number[] = [];
  readonly given: Given[] = [];
  readonly followed: [shard: number, position: number][] = [];
  readonly refused: [shard: number, kind: string, detail: string][] = [];
  readonly quiesced: number[] = [];
  /** Serials in the log, in its order. */
  readonly logged: number[] = [];
  /** Counts claims and batches, so that a batch without claims is not durable before the test says so. */
  end = 0;
  durable = 0;
  onAppend: () => void = () => {};
  private nextSlot = 1;

  constructor(...templates: readonly Partial<TemplateRules>[]) {
    this.owner = new ClusterOwner(0, {
      append: (words, count) => {
        this.onAppend();
        for (let i = 0; i < count; i++) this.logged.push(words[HEADER_WORDS + i * ENTRY_WORDS + 1]);
        return ++this.end;
      },
      durable: () => this.durable,
      appended: () => {},
      reply: (slot, verdict, serial) => this.answers.push({ slot, verdict, serial }),
      askLease: (ref) => this.asked.push(ref.templateId),
      giveBack: (_ref, _holder, _epoch, sold, unsold) => this.given.push({ sold, unsold }),
      commit: (shard, flight) => this.sent.push({ shard, flight }),
      followed: (shard, position) => this.followed.push([shard, position]),
      refused: (shard, kind, detail) => this.refused.push([shard, kind, detail]),
      quiesced: (shard) => this.quiesced.push(shard),
    });
    for (const changes of templates.length === 0 ? [{}] : templates) {
      const units = new UnitTable([]);
      units.grow(TOTAL);
      const rules = templateRules(changes);
      this.owner.learn(rules.templateId, TOTAL);
      this.owner.add(new TemplateActor(rules, 0, UserTable.create(TOTAL), units));
    }
  }

  /** With its shard open and units [0, units) to sell. */
  static selling(units = 100, ...templates: readonly Partial<TemplateRules>[]): ClusterStage {
    const stage = new ClusterStage(...templates);
    for (const { rules } of stage.owner.allActors()) {
      stage.owner.openShard(shardOf(rules.templateId));
      stage.grant(0, units, 0, rules.templateId);
    }
    return stage;
  }

  pool(templateId = TEMPLATE, activityId = 0): PoolState {
    return this.owner.actor(templateId, 0)!.pools.get(activityId)!;
  }

  isClaimed(serial: number, templateId = TEMPLATE): boolean {
    return this.owner.actor(templateId, 0)!.units.isClaimed(serial);
  }

  durableClaims(templateId = TEMPLATE): number {
    return Atomics.load(this.pool(templateId).claimed, 0);
  }

  grant(from: number, to: number, nowMs = 0, templateId = TEMPLATE): this {
    return this.outcome({ kind: 'granted', epoch: 1, ranges: [{ from, to }] }, nowMs, templateId);
  }

  outcome(outcome: LeaseOutcome, nowMs = 0, templateId = TEMPLATE): this {
    this.owner.leaseOutcome({ templateId, activityId: 0 }, 0, outcome, nowMs);
    return this;
  }

  /** One drain with a claim of each user; returns the slots. */
  drain(users: readonly number[], nowMs = 0, templateId = TEMPLATE, key = 0): number[] {
    this.owner.begin(nowMs);
    const slots = users.map((user) => {
      const slot = this.nextSlot++;
      this.owner.claim(slot, templateId, 0, 0, user, 0, key, 0);
      return slot;
    });
    this.owner.end();
    return slots;
  }

  /** The ledger's answer to a flight, the last one if none is named; all is sold if nothing is said. */
  answer(said: readonly Said[] | null = null, nowMs = 0, { shard, flight }: Sent = this.sent.at(-1)!): this {
    const all =
      said ?? flight.groups.flatMap(({ serials }) => serials.map((s) => [Committed.claimed, s] as const));
    const verdicts = Uint8Array.from(all, ([verdict]) => verdict);
    const serials = Uint32Array.from(all, ([, serial]) => serial);
    this.owner.committed(shard, flight, { kind: 'committed', version: 1, head: 1, verdicts, serials }, nowMs);
    return this;
  }

  refuse(kind: 'lost' | 'fenced', { shard, flight }: Sent = this.sent.at(-1)!): this {
    const answer = kind === 'lost' ? { kind, detail: 'it was emptied' } : { kind };
    this.owner.committed(shard, flight, answer, 0);
    return this;
  }

  late({ shard, flight }: Sent = this.sent.at(-1)!): this {
    this.owner.commitLate(shard, flight);
    return this;
  }

  /** Claims of the shard's stream, read up to `position`. */
  follow(position: number, ...entries: readonly Uint32Array[]): this {
    const words = Uint32Array.from(entries.flatMap((entry) => [...entry]));
    this.owner.follow(SHARD, words, position, 0);
    return this;
  }

  sync(): this {
    this.durable = this.end;
    this.owner.release();
    return this;
  }

  /** The verdict a slot was told; undefined while it waits. Fails when it was told twice. */
  verdict(slot: number): number | undefined {
    const told = this.answers.filter((answer) => answer.slot === slot);
    if (told.length > 1) throw new Error(`slot ${slot} was answered ${told.length} times`);
    return told[0]?.verdict;
  }

  verdicts(slots: readonly number[]): (number | undefined)[] {
    return slots.map((slot) => this.verdict(slot));
  }
}

export function entry(serial: number, user: number, timeMs = 1_000, templateId = TEMPLATE): Uint32Array {
  const words = new Uint32Array(ENTRY_WORDS);
  writeEntry(words, 0, templateId, serial, user, 0, 0, serial + 9, 3, timeMs, 0, 0, 0);
  return words;
}
