/** Remembers every acknowledgement and holds each new one against all before it. */
import { Verdict } from '../../../src/actors/verdict.ts';
import { leasedUnits, type ShardData } from '../../ledger/model/shard-data.ts';
import { userHi, userLo } from '../catalog.ts';
import type { SimClaim } from './clients.ts';
import type { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

/** A node hears within this time that a pool it knows as sold out has units again. */
const HEARS_US = 20_000_000;

export interface Promised {
  readonly templateId: number;
  readonly activityId: number;
  readonly user: number;
  readonly key: number;
  readonly serial: number;
  readonly atUs: number;
}

export class Oracle {
  readonly winners: Promised[] = [];
  /** By unit: to whom it was promised. */
  readonly promised = new Map<number, Promised>();
  /** Claims with the same identity get the same unit: by user, pool and, where it counts, key. */
  private readonly byIdentity = new Map<string, Promised>();
  private readonly atLimit: { readonly claim: SimClaim; readonly serial: number }[] = [];
  private readonly world: World;
  soldOuts = 0;
  /** Something is to happen at the next promise. */
  onPromise: ((process: SimProcess) => void) | null = null;

  constructor(world: World) {
    this.world = world;
  }

  private identity({ templateId, activityId, user, key }: SimClaim | Promised): string | null {
    const limit = this.world.poolLimit(templateId, activityId);
    if (limit === 1) return `${templateId}/${activityId}/${user}`;
    return key === 0 ? null : `${templateId}/${activityId}/${user}/${key}`;
  }

  answered(claim: SimClaim, process: SimProcess, verdict: number, serial: number): void {
    const identity = this.identity(claim);
    const before = identity === null ? undefined : this.byIdentity.get(identity);
    // Told before this one was asked.
    const known = before !== undefined && before.atUs < claim.sentUs ? before : null;
    switch (verdict) {
      case Verdict.claimed:
      case Verdict.alreadyClaimed: {
        if (before !== undefined && before.serial !== serial)
          throw this.wrong(claim, process, `got unit ${serial}, was promised ${before.serial}`);
        if (known !== null && verdict === Verdict.claimed)
          throw this.wrong(claim, process, 'was told claimed again');
        this.promise(claim, process, serial, identity);
        break;
      }
      case Verdict.limitReached:
        if (known !== null) throw this.wrong(claim, process, `was told limit reached, holds ${known.serial}`);
        this.atLimit.push({ claim, serial });
        break;
      case Verdict.soldOut:
        if (known !== null) throw this.wrong(claim, process, `was told sold out, holds ${known.serial}`);
        this.soldOut(claim, process);
        break;
      case Verdict.unavailable:
        break;
      default:
        throw this.wrong(claim, process, `was told ${verdict}`);
    }
  }

  private promise(claim: SimClaim, process: SimProcess, serial: number, identity: string | null): void {
    const { templateId, activityId, user, key } = claim;
    const unit = templateId * 2 ** 32 + serial;
    const holder = this.promised.get(unit);
    if (holder !== undefined && holder.user !== user)
      throw this.wrong(claim, process, `got unit ${serial}, which user ${holder.user} has`);
    const stored = this.world.records.rows.get(unit);
    if (stored !== undefined && (stored[2] !== claim.lo || stored[3] !== claim.hi))
      throw this.wrong(claim, process, `got unit ${serial}, which is stored of another user`);
    const atUs = this.world.scheduler.nowUs;
    const promise: Promised = { templateId, activityId, user, key, serial, atUs };
    if (identity !== null && !this.byIdentity.has(identity)) this.byIdentity.set(identity, promise);
    if (holder !== undefined) return;
    this.promised.set(unit, promise);
    this.winners.push(promise);
    this.onPromise?.(process);
  }

  /** A row was stored. */
  stored(entry: Uint32Array): void {
    const holder = this.promised.get(entry[0] * 2 ** 32 + entry[1]);
    if (holder !== undefined && (userLo(holder.user) !== entry[2] || userHi(holder.user) !== entry[3]))
      throw new Error(`unit ${entry[0]}/${entry[1]} is stored of another user than it was promised to`);
  }

  /** The ledger has sold what stands in its stream from `before` on. */
  committed({ claims }: ShardData, before: number): void {
    for (const entry of claims.slice(before)) {
      const unit = entry[0] * 2 ** 32 + entry[1];
      const stored = this.world.records.rows.get(unit);
      if (stored !== undefined)
        throw new Error(`the ledger sold unit ${entry[0]}/${entry[1]}, which is stored`);
      this.stored(Uint32Array.from(entry));
    }
  }

  /** Then nothing was free or unsold in the pool, or only since so short a time that this node may not have heard. */
  private soldOut(claim: SimClaim, process: SimProcess): void {
    this.soldOuts++;
    const { world } = this;
    const truth = world.redis.truth(claim);
    if (truth.exhausted) return;
    const shard = world.shardRow(claim.templateId);
    const sinceUs = Math.max(truth.refilledUs, shard.openedUs, process.node.upUs, world.healedUs);
    if (shard.state !== 'open' || world.scheduler.nowUs - sinceUs < HEARS_US) return;
    const pool = world.redis.poolOf(claim);
    const there = pool === undefined ? 'no pool' : `${pool.free.length} free, ${leasedUnits(pool)} leased`;
    throw this.wrong(claim, process, `was told sold out: ${there}`);
  }

  wrong(claim: SimClaim, process: SimProcess, what: string): Error {
    const { number, templateId, activityId, user, key } = claim;
    return new Error(
      `claim ${number} of ${templateId}/${activityId} by user ${user} key ${key} at ${process.node.id} ${what}`,
    );
  }

  /** At the end: all that was said is true of what is stored. */
  assertKept(): void {
    const { records } = this.world;
    for (const { templateId, user, serial, activityId } of this.promised.values()) {
      const row = records.rows.get(templateId * 2 ** 32 + serial);
      if (row === undefined) throw new Error(`unit ${templateId}/${serial} of user ${user} is not stored`);
      if (row[2] !== userLo(user) || row[3] !== userHi(user))
        throw new Error(`unit ${templateId}/${serial} was promised to user ${user} and is another's`);
      if (row[4] !== activityId) throw new Error(`unit ${templateId}/${serial} is of another pool`);
    }
    for (const { claim } of this.atLimit) {
      const held = records
        .rowsOf(claim.templateId)
        .filter((row) => row[2] === claim.lo && row[3] === claim.hi);
      const inPool = held.filter((row) => row[4] === claim.activityId).length;
      const isTrue =
        held.length >= this.world.templateLimit(claim.templateId) ||
        inPool >= this.world.poolLimit(claim.templateId, claim.activityId);
      if (!isTrue)
        throw new Error(`claim ${claim.number} was told limit reached, its user holds ${held.length}`);
    }
  }
}
