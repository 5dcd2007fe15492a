/** An owner with nothing around it: its log ends where the test says it is durable, its messages are kept to look at. */
import { Owner } from '../../src/actors/owner.ts';
import type { TemplateRules } from '../../src/actors/rules.ts';
import { type PoolState, TemplateActor } from '../../src/actors/template-actor.ts';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { UserTable } from '../../src/actors/user-table.ts';
import { blankEntry, type ClaimEntry, ENTRY_WORDS, readEntry } from '../../src/claimlog/entry.ts';
import { HEADER_WORDS } from '../../src/claimlog/frame.ts';
import type { LeaseOutcome, SerialRange } from '../../src/ports.ts';
import { TEMPLATE, templateRules } from './rules.ts';

export interface Answer {
  readonly slot: number;
  readonly verdict: number;
  readonly serial: number;
}

export class OwnerStage {
  readonly units = new UnitTable([]);
  readonly actor: TemplateActor;
  readonly owner: Owner;
  readonly answers: Answer[] = [];
  /** Entries of each frame, in the order of the log. */
  readonly frames: ClaimEntry[][] = [];
  readonly asked: { epoch: number; sold: readonly SerialRange[] }[] = [];
  readonly given: { epoch: number; sold: readonly SerialRange[]; unsold: readonly SerialRange[] }[] = [];
  readonly ref = { templateId: TEMPLATE, activityId: 0 };
  end = 0;
  durable = 0;
  failure: Error | null = null;
  private nextSlot = 1;

  constructor(rules: Partial<TemplateRules> = {}, total = 10_000) {
    this.units.grow(total);
    this.actor = new TemplateActor(templateRules(rules), 0, UserTable.create(total), this.units);
    this.owner = new Owner(0, {
      append: (words, count) => this.append(words, count),
      durable: () => this.durable,
      appended: () => {},
      reply: (slot, verdict, serial) => this.answers.push({ slot, verdict, serial }),
      askLease: (_ref, _holder, epoch, sold) => this.asked.push({ epoch, sold }),
      giveBack: (_ref, _holder, epoch, sold, unsold) => this.given.push({ epoch, sold, unsold }),
    });
    this.owner.add(this.actor);
  }

  private append(words: Uint32Array, count: number): number {
    if (this.failure !== null) throw this.failure;
    if (count > 0) {
      this.frames.push(
        Array.from({ length: count }, (_, i) =>
          readEntry(words, HEADER_WORDS + i * ENTRY_WORDS, blankEntry()),
        ),
      );
    }
    this.end += count;
    return this.end;
  }

  get pool(): PoolState {
    return this.actor.pools.get(0)!;
  }

  /** Grants [from, to) as the ledger would, whether or not it was asked. */
  grant(from: number, to: number, nowMs = 0): this {
    return this.outcome({ kind: 'granted', epoch: 1, ranges: [{ from, to }] }, nowMs);
  }

  outcome(outcome: LeaseOutcome, nowMs = 0): this {
    this.owner.leaseOutcome(this.ref, 0, outcome, nowMs);
    return this;
  }

  /** One drain with a claim of each user; returns the slots. */
  drain(users: readonly number[], nowMs = 0, key = 0): number[] {
    this.owner.begin(nowMs);
    const slots = users.map((user) => {
      const slot = this.nextSlot++;
      this.owner.claim(slot, TEMPLATE, 0, 0, user, 0, key, 0);
      return slot;
    });
    this.owner.end();
    return slots;
  }

  /** Everything written until now became durable. */
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
