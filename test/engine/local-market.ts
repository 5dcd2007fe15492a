/**
 * One template sold in the profile `embedded`, all of it real but threads, disk and clock: pools, desk, keeper and ledger
 * of the main thread, owners with their slices and their rebuilding. What they say to each other waits in queues that
 * the test delivers as it likes, logs are synced and codes made when it says. Time stands still.
 */
import { Owner } from '../../src/actors/owner.ts';
import { ownerOf, partitionOf } from '../../src/actors/placement.ts';
import { Rebuild } from '../../src/actors/rebuild.ts';
import { rulesOf } from '../../src/actors/rules.ts';
import { TemplateActor } from '../../src/actors/template-actor.ts';
import { UserTable } from '../../src/actors/user-table.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import type { TakenUnits } from '../../src/catalog/engine-port.ts';
import { HEADER_WORDS } from '../../src/claimlog/frame.ts';
import { TemplateView } from '../../src/claims/template-view.ts';
import type { Activity } from '../../src/domain/template.ts';
import { LocalPools } from '../../src/engine/embedded/local-pools.ts';
import { LeaseDesk } from '../../src/engine/lease-desk.ts';
import { unitsIn } from '../../src/engine/stock-figures.ts';
import type { PoolRef } from '../../src/ports.ts';
import type { ToOwner } from '../../src/workers/owner-messages.ts';
import { template } from '../records/samples.ts';

export const TEMPLATE = 3;
const NOW_MS = 1_000;

interface Frame {
  readonly words: Uint32Array;
  readonly count: number;
}

/** One owner thread: its lives, and the log of all of them. */
class Thread {
  readonly index: number;
  readonly toMain: (() => void)[] = [];
  readonly toOwner: Exclude<ToOwner, number>[] = [];
  owner: Owner;
  /** Frames written, and how many of them are durable. */
  readonly frames: Frame[];
  durable: number;
  private readonly market: LocalMarket;

  constructor(market: LocalMarket, index: number, frames: readonly Frame[]) {
    this.market = market;
    this.index = index;
    this.frames = [...frames];
    this.durable = frames.length;
    this.owner = this.life(true);
  }

  private life(first: boolean): Owner {
    const { desk, view } = this.market;
    const owner = new Owner(this.index, {
      append: (words, count) => {
        if (count > 0) this.frames.push({ words: words.slice(0, HEADER_WORDS + count * 16), count });
        return this.frames.length;
      },
      durable: () => this.durable,
      appended: () => {},
      reply: (slot, verdict) => this.market.answer(slot, verdict),
      askLease: (ref, holder, epoch, sold) => this.toMain.push(() => desk.lease(ref, holder, epoch, sold)),
      giveBack: (ref, holder, epoch, sold, unsold) =>
        this.toMain.push(() => desk.giveBack(ref, holder, epoch, sold, unsold)),
    });
    for (let partition = 0; partition < view.actors.length; partition++) {
      if (ownerOf(TEMPLATE, partition, this.market.owners) !== this.index) continue;
      owner.add(new TemplateActor(view.rules, partition, UserTable.create(64), view.units));
    }
    const rebuild = new Rebuild(owner, first);
    for (const { words, count } of this.frames) rebuild.add(words, HEADER_WORDS, count);
    rebuild.finish();
    return owner;
  }

  /** Main has its counters, as workers/owner-life.ts shares them. */
  share(): void {
    for (const { partition, pools } of this.owner.allActors()) {
      for (const [activityId, { claimed }] of pools) {
        const pool = this.market.view.pools.get(activityId);
        if (pool !== undefined) pool.claimed[partition] = claimed;
      }
    }
  }

  /** Dies with what was on its way; `kept` of the frames that were not durable are found in its log all the same. */
  die(kept: number): void {
    this.frames.length = Math.min(this.frames.length, this.durable + kept);
    this.durable = this.frames.length;
    this.toMain.length = 0;
    this.toOwner.length = 0;
    this.market.ownerDown(this.index);
    this.owner = this.life(false);
    this.share();
    this.market.desk.reclaim(this.index);
  }

  take(message: Exclude<ToOwner, number>): void {
    switch (message.kind) {
      case 'template':
        for (const actor of this.owner.allActors()) actor.setRules(message.template.rules);
        this.toMain.push(() => this.share());
        break;
      case 'lease':
        this.owner.leaseOutcome(message.ref, message.partition, message.outcome, NOW_MS);
        break;
      case 'recall':
        this.owner.recall(message.ref, message.partition, message.all, NOW_MS);
        break;
      case 'replenished':
        this.owner.replenished(message.ref, message.partition);
    }
  }

  sync(): void {
    this.durable = this.frames.length;
    this.owner.release();
  }
}

export class LocalMarket {
  readonly owners: number;
  readonly view: TemplateView;
  readonly desk: LeaseDesk;
  readonly pools: LocalPools;
  readonly threads: Thread[];
  /** Codes that are being made. */
  readonly making: (() => void)[] = [];
  /** By slot: what a claim was told, or -1 while it waits. */
  readonly answers: number[] = [];
  private readonly askedOf: { readonly activityId: number; readonly owner: number }[] = [];
  private activities: readonly Activity[];
  private nextUser: number;

  /** `before`: the process before this one, whose records and logs there are. */
  constructor(owners: number, partitions: number, total: number, before: LocalMarket | null = null) {
    this.owners = owners;
    const one = before?.view.template ?? template({ id: TEMPLATE, total, partitions });
    this.activities = before?.activities ?? [];
    this.view = new TemplateView(one, this.activities, rulesOf(one, this.activities), owners);
    this.view.units.grow(one.total);
    this.nextUser = before?.nextUser ?? 1;
    this.desk = new LeaseDesk({
      send: (owner, message) => this.threads[owner].toOwner.push(message as Exclude<ToOwner, number>),
      template: () => this.view,
      makeCodes: () => new Promise((resolve) => this.making.push(resolve)),
      onFailure: (error) => {
        throw error;
      },
    });
    this.pools = new LocalPools(this.desk);
    this.threads = Array.from({ length: owners }, (_, index) => {
      return new Thread(this, index, before?.threads[index].frames ?? []);
    });
    for (const thread of this.threads) thread.share();
  }

  answer(slot: number, verdict: number): void {
    if (this.answers[slot] >= 0) throw new Error(`claim ${slot} was answered twice`);
    this.answers[slot] = verdict;
  }

  /** The activity (0: none) of each claim that waits. */
  get waiting(): number[] {
    return this.askedOf.filter((_, slot) => this.answers[slot] < 0).map(({ activityId }) => activityId);
  }

  ownerDown(owner: number): void {
    for (const [slot, asked] of this.askedOf.entries()) {
      if (asked.owner === owner && this.answers[slot] < 0) this.answers[slot] = Verdict.unavailable;
    }
  }

  /** New users, all of whom come before anything else happens; their slots. */
  come(activityId: number, users: number): number[] {
    const slots: number[] = [];
    const { length: partitions } = this.view.actors;
    for (const thread of this.threads) thread.owner.begin(NOW_MS);
    for (let i = 0; i < users; i++) {
      const user = this.nextUser++;
      const partition = partitionOf(user, 0, partitions);
      const owner = ownerOf(TEMPLATE, partition, this.owners);
      slots.push(this.answers.push(-1) - 1);
      this.askedOf.push({ activityId, owner });
      this.threads[owner].owner.claim(slots.at(-1)!, TEMPLATE, partition, activityId, user, 0, 0, 0);
    }
    for (const thread of this.threads) thread.owner.end();
    return slots;
  }

  // ------------------------------------------------------------ what operators do, in the order of catalog/engine-port.ts

  activity(id: number): Activity | undefined {
    return this.activities.find((activity) => activity.id === id);
  }

  /** What the catalog stores, and tells the owners. */
  private async store(activity: Activity): Promise<void> {
    this.activities = [...this.activities.filter(({ id }) => id !== activity.id), activity];
    await this.tell();
  }

  private async tell(raisedFrom = -1): Promise<void> {
    const { view } = this;
    const { total } = view.template;
    view.activities = this.activities;
    view.setRules(rulesOf(view.template, this.activities));
    view.units.grow(total);
    const told: ToOwner = {
      kind: 'template',
      template: { rules: view.rules, total, placed: total, units: view.units.buffers },
    };
    for (const { toOwner } of this.threads) toOwner.push(told);
    const extent = {
      templateId: TEMPLATE,
      firstSerial: raisedFrom,
      length: total - raisedFrom,
      space: '',
      offset: 0,
    };
    await this.pools.templateChanged(view, raisedFrom < 0 ? null : extent);
  }

  async raise(units: number): Promise<void> {
    const { template: before } = this.view;
    this.view.template = { ...before, total: before.total + units };
    await this.tell(before.total);
  }

  /** Opens the activity, or makes it that large; stored only when the units were there. */
  async resize(activity: Activity): Promise<TakenUnits> {
    const taken = await this.pools.resizeActivity(activity);
    if (taken.ok) await this.store(activity);
    return taken;
  }

  async stop(activity: Activity): Promise<void> {
    const over: Activity = { ...activity, status: 'stopped' };
    await this.store(over);
    await this.pools.closeActivity(over);
  }

  // ------------------------------------------------------------ what happens, a step at a time

  deliver(index: number, toMain: boolean): boolean {
    const thread = this.threads[index];
    if (toMain) {
      const message = thread.toMain.shift();
      message?.();
      return message !== undefined;
    }
    const message = thread.toOwner.shift();
    if (message !== undefined) thread.take(message);
    return message !== undefined;
  }

  /** Some of the codes that are being made are there. */
  async code(): Promise<boolean> {
    const made = this.making.shift();
    made?.();
    await turn();
    return made !== undefined;
  }

  /** Until nothing is on its way, everything is durable, and every code made. */
  async settle(): Promise<void> {
    for (let rounds = 0; ; rounds++) {
      if (rounds > 2_000) throw new Error('messages go round for ever');
      let moved = await this.code();
      for (const thread of this.threads) {
        while (this.deliver(thread.index, true) || this.deliver(thread.index, false)) moved = true;
        if (thread.durable === thread.frames.length) continue;
        thread.sync();
        moved = true;
      }
      await turn();
      if (!moved) return;
    }
  }

  // ------------------------------------------------------------ figures

  claimed(activityId: number): number {
    let claimed = 0;
    for (let serial = 0; serial < this.view.template.total; serial++) {
      if (this.view.units.isClaimed(serial) && this.view.units.activityId(serial) === activityId) claimed++;
    }
    return claimed;
  }

  /** Every unit is free, in one slice, waiting for its code, or claimed: always exactly one of these. */
  assertUnits(): void {
    const places = new Map<number, string>();
    const put = (serial: number, place: string): void => {
      if (places.has(serial)) throw new Error(`unit ${serial} is in ${places.get(serial)} and in ${place}`);
      places.set(serial, place);
    };
    const { ledger, keeper } = this.desk;
    for (const { ref, free, leases } of ledger.snapshot()) {
      const name = `pool ${ref.activityId}`;
      for (const range of [...free, ...keeper.bare(ref)]) {
        for (let serial = range.from; serial < range.to; serial++) {
          if (this.view.units.isClaimed(serial))
            throw new Error(`unit ${serial} is claimed and free in ${name}`);
          put(serial, name);
        }
      }
      for (const { serials } of leases) {
        for (const { from, to } of serials)
          for (let serial = from; serial < to; serial++) put(serial, `slice of ${name}`);
      }
    }
    for (let serial = 0; serial < this.view.template.total; serial++) {
      if (!places.has(serial) && !this.view.units.isClaimed(serial))
        throw new Error(`unit ${serial} is nowhere`);
    }
  }

  /** Units of a pool, claimed ones and those in slices among them. */
  units(ref: PoolRef): number {
    const { ledger, keeper } = this.desk;
    const pool = ledger.snapshot().find((one) => one.ref.activityId === ref.activityId);
    const here = new Set<number>();
    for (const { from, to } of [
      ...(pool?.free ?? []),
      ...(pool?.leases.flatMap(({ serials }) => serials) ?? []),
      ...keeper.bare(ref),
    ]) {
      for (let serial = from; serial < to; serial++) here.add(serial);
    }
    const { units, template: one } = this.view;
    for (let serial = 0; serial < one.total; serial++) {
      if (units.isClaimed(serial) && units.activityId(serial) === ref.activityId) here.add(serial);
    }
    return here.size;
  }

  free(ref: PoolRef): number {
    return unitsIn([...this.desk.keeper.bare(ref)]) + this.desk.ledger.stock(ref).free;
  }
}

/** One turn of the event loop: whatever only waits for promises is done. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
