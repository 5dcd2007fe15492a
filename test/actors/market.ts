/**
 * Owners of one template and their ledger, joined by message queues that the test delivers in any order it likes (each
 * queue keeps its own). Time stands still: whatever waits for a timeout here waits for ever and is seen.
 */
import { Owner } from '../../src/actors/owner.ts';
import { TemplateActor } from '../../src/actors/template-actor.ts';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { UserTable } from '../../src/actors/user-table.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { TEMPLATE, templateRules } from './rules.ts';

const REF = { templateId: TEMPLATE, activityId: 0 };
const NOW_MS = 1000;

class Seller {
  readonly owner: Owner;
  readonly toLedger: (() => void)[] = [];
  readonly toOwner: (() => void)[] = [];
  end = 0;
  durable = 0;

  constructor(market: Market, index: number) {
    this.owner = new Owner(index, {
      append: (_words, count) => {
        this.end += count;
        return this.end;
      },
      durable: () => (market.syncsAlways ? this.durable : this.end),
      appended: () => {},
      reply: (slot, verdict) => market.answer(slot, verdict),
      askLease: (ref, holder, epoch, sold) =>
        this.toLedger.push(() => {
          const outcome = market.ledger.lease(ref, holder, epoch, sold);
          this.toOwner.push(() => this.owner.leaseOutcome(ref, holder.partition, outcome, NOW_MS));
        }),
      giveBack: (ref, holder, epoch, sold, unsold) =>
        this.toLedger.push(() => {
          if (!market.ledger.giveBack(ref, holder, epoch, sold, unsold)) throw new Error('fenced');
        }),
    });
  }

  sync(): void {
    this.durable = this.end;
    this.owner.release();
  }
}

export class Market {
  readonly units = new UnitTable([]);
  readonly sellers: Seller[];
  readonly ledger: MemoryLedger;
  readonly answers = new Map<number, number>();
  readonly syncsAlways: boolean;
  readonly total: number;
  private nextUser = 1;

  constructor(sellers: number, total: number, syncsAlways: boolean) {
    this.total = total;
    this.syncsAlways = syncsAlways;
    this.units.grow(total);
    this.ledger = new MemoryLedger({
      recall: (ref, { owner, partition }, all) =>
        this.sellers[owner].toOwner.push(() => this.sellers[owner].owner.recall(ref, partition, all, NOW_MS)),
      replenished: (ref, { owner, partition }) =>
        this.sellers[owner].toOwner.push(() => this.sellers[owner].owner.replenished(ref, partition)),
    });
    this.ledger.open(REF, total === 0 ? [] : [{ from: 0, to: total }]);
    this.sellers = Array.from({ length: sellers }, (_, index) => {
      const seller = new Seller(this, index);
      const rules = templateRules({ partitions: Math.max(2, sellers) });
      seller.owner.add(new TemplateActor(rules, index, UserTable.create(total), this.units));
      return seller;
    });
  }

  answer(slot: number, verdict: number): void {
    if (this.answers.has(slot)) throw new Error(`claim ${slot} was answered twice`);
    this.answers.set(slot, verdict);
    if (verdict === Verdict.soldOut && this.claimedUnits < this.total)
      throw new Error(`claim ${slot} was told sold out with ${this.claimedUnits} of ${this.total} sold`);
  }

  get claimedUnits(): number {
    let claimed = 0;
    for (let serial = 0; serial < this.total; serial++) if (this.units.isClaimed(serial)) claimed++;
    return claimed;
  }

  get users(): number {
    return this.nextUser - 1;
  }

  /** New users come to a seller in one drain. */
  come(index: number, users: number): void {
    const { owner } = this.sellers[index];
    owner.begin(NOW_MS);
    for (let i = 0; i < users; i++) {
      const user = this.nextUser++;
      owner.claim(user, TEMPLATE, index, 0, user, 0, 0, 0);
    }
    owner.end();
  }

  idle(index: number): void {
    this.sellers[index].owner.returnIdle(Number.MAX_SAFE_INTEGER);
  }

  /** Delivers one message of a queue, or does nothing when it is empty. */
  deliver(index: number, toLedger: boolean): boolean {
    const seller = this.sellers[index];
    const message = (toLedger ? seller.toLedger : seller.toOwner).shift();
    message?.();
    return message !== undefined;
  }

  /** Until nothing is on its way and everything is durable. */
  settle(): void {
    for (let rounds = 0; ; rounds++) {
      if (rounds > 10_000) throw new Error('messages go round for ever');
      let moved = false;
      for (let index = 0; index < this.sellers.length; index++) {
        if (this.deliver(index, true)) moved = true;
        if (this.deliver(index, false)) moved = true;
        if (this.sellers[index].durable < this.sellers[index].end) {
          this.sellers[index].sync();
          moved = true;
        }
      }
      if (!moved) return;
    }
  }
}
