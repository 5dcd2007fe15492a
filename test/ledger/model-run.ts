/** One sequence of calls, sent to Redis and to the model, whose answers must be equal. */
import { expect } from 'vitest';
import { spentWord } from '../../src/actors/spent.ts';
import type { PoolRef, SerialRange } from '../../src/ports.ts';
import type { CommitBatch } from '../../src/ports-commit.ts';
import type { HeldCoupon, PoolState, ShardSeat, ShardStamp } from '../../src/ports-ledger.ts';
import { rangesOf, serialsOf } from './model/shard-data.ts';
import { ShardModel } from './model/shard-model.ts';
import { batchOf, groupOf, LONG_MS, poolPlan, type RedisStage, SHARD, TEMPLATE } from './redis-stage.ts';
import { expectSameStream } from './same-stream.ts';

export interface Step {
  readonly kind: number;
  readonly node: number;
  readonly pool: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

const POOLS: readonly PoolRef[] = [
  { templateId: TEMPLATE, activityId: 0 },
  { templateId: TEMPLATE, activityId: 7 },
  { templateId: TEMPLATE, activityId: 70_000 },
  { templateId: TEMPLATE + 16, activityId: 0 },
];
const USERS = 12;

/** What a node believes. */
interface NodeView {
  seat: ShardSeat;
  starts: number;
  readonly sequences: Map<PoolRef, number>;
  batch: CommitBatch | null;
}

export class ModelRun {
  readonly model = new ShardModel(SHARD);
  private readonly incarnation: number;
  private readonly stage: RedisStage;
  private stamp: ShardStamp;
  private readonly nodes: NodeView[];

  private constructor(stage: RedisStage, stamp: ShardStamp) {
    this.stage = stage;
    this.stamp = stamp;
    this.incarnation = stamp.incarnation;
    this.nodes = ['a', 'b', 'c'].map((nodeId) => ({
      seat: { ...stamp, nodeId, epoch: 0 },
      starts: 0,
      sequences: new Map(),
      batch: null,
    }));
  }

  static async open(stage: RedisStage, units: number): Promise<ModelRun> {
    const incarnation = stage.nextIncarnation();
    const kept = Math.min(3, units - 1);
    const pool = poolPlan(units);
    const plan = {
      ...pool,
      free: rangesOf(serialsOf(pool.free).slice(kept + 1)),
      leased: kept > 0 ? [{ nodeId: 'a', ranges: rangesOf(serialsOf(pool.free).slice(1, kept + 1)) }] : [],
    };
    const held: HeldCoupon[] = [
      { templateId: TEMPLATE, userLo: 3, userHi: 0x7000_0003, serial: 0, activityId: 0, keyLo: 0, keyHi: 0 },
    ];
    const run = new ModelRun(stage, await stage.open(incarnation, [plan], held));
    run.model.open(incarnation, [plan], held);
    for (const node of [0, 1]) await run.take({ kind: 0, node, pool: 0, a: 0, b: 1, c: 1 });
    await run.take({ kind: 55, node: 0, pool: 3, a: units >> 2, b: 0, c: 0 });
    return run;
  }

  /** Both answers are the same, and so is what is there afterwards. */
  private async same<T extends { kind: string }>(fromRedis: Promise<T>, fromModel: T): Promise<T> {
    const outcome = await fromRedis;
    expect(outcome).toEqual(fromModel);
    this.model.assertUnits();
    expect(await this.stage.ledger.pools(SHARD, this.incarnation)).toEqual(
      this.model.pools(this.incarnation),
    );
    const { version } = outcome as { version?: number };
    if (version !== undefined) this.stamp = { ...this.stamp, version };
    return outcome;
  }

  async take({ kind, node, pool, a, b, c }: Step): Promise<void> {
    const { model } = this;
    const { ledger } = this.stage;
    const view = this.nodes[node];
    const ref = POOLS[[0, 0, 0, 1, 1, 2, 3][pool % 7]];
    const stamp = c === 254 ? { ...this.stamp, version: this.stamp.version + 1 } : this.stamp;
    // Sometimes a seat of the past.
    const seat = { ...view.seat, version: stamp.version, epoch: view.seat.epoch - (a === 255 ? 1 : 0) };
    if (kind < 8) {
      if (b % 4 === 0) view.starts++;
      const ttlMs = c % 6 === 0 ? 0 : LONG_MS;
      const args = [stamp, seat.nodeId, `start ${view.starts}`, ttlMs] as const;
      const outcome = await this.same(ledger.join(...args), model.join(...args));
      if (outcome.kind !== 'joined') return;
      if (outcome.epoch !== view.seat.epoch) view.sequences.clear();
      view.seat = { ...seat, epoch: outcome.epoch };
    } else if (kind < 11)
      await this.same(
        ledger.extend(seat, c % 3 === 0 ? 0 : LONG_MS),
        model.extend(seat, c % 3 === 0 ? 0 : LONG_MS),
      );
    else if (kind < 14) await this.same(ledger.reclaim(stamp), model.reclaim(stamp));
    else if (kind < 15) await this.same(ledger.leave(seat), model.leave(seat));
    else if (kind < 45) {
      const [sold, unsold] = this.share(seat, ref, b % 3 === 0 ? c % 5 : 0, b % 2 === 0 ? c % 40 : 0);
      const args = [seat, ref, this.sequence(view, ref, a), sold, unsold] as const;
      if (kind < 38) {
        const want = 1 + ((a * c) % 200);
        await this.same(ledger.lease(...args, want), model.lease(...args, want));
      } else await this.same(ledger.giveBack(...args), model.giveBack(...args));
    } else if (kind < 47) await this.same(ledger.recall(stamp, ref), model.recall(stamp, ref));
    else if (kind < 51) {
      const total = this.stateOf({ ...ref, activityId: 0 })?.units ?? 0;
      const args = [stamp, ref.templateId, total + (a % 30)] as const;
      await this.same(ledger.raise(...args), model.raise(...args));
    } else if (kind < 56 && ref.activityId !== 0)
      await this.same(ledger.fund(stamp, ref, a), model.fund(stamp, ref, a));
    else if (kind < 58 && a < 100 && (ref.activityId !== 0 || a < 10))
      await this.same(ledger.closePool(stamp, ref), model.closePool(stamp, ref));
    else if (kind < 93) await this.commit(view, seat, ref, a, b, c);
    else if (kind < 95) {
      const args = [seat, a % 2, b % 4] as const;
      await this.same(this.stage.commits.fenceOwner(...args), model.fenceOwner(...args));
    } else if (kind === 95) {
      const position = a % 20;
      await ledger.trim(SHARD, this.incarnation, position);
      model.trim(this.incarnation, position);
    } else if (kind === 96 && a < 10) {
      await ledger.seal(SHARD, this.incarnation);
      model.seal(this.incarnation);
    }
  }

  private async commit(
    view: NodeView,
    seat: ShardSeat,
    ref: PoolRef,
    a: number,
    b: number,
    c: number,
  ): Promise<void> {
    const last = view.batch;
    const refs = c % 5 === 0 ? [ref, POOLS[(POOLS.indexOf(ref) + 1) % POOLS.length]] : [ref];
    const groups = refs.map((one, i) => {
      const claims = Array.from({ length: 1 + ((a + i) % 7) }, (_, n): [number, number] => {
        const user = (a * 7 + b * n * n + n + i) % USERS;
        return [user, (b + n) % 3 === 0 ? 0 : 1 + ((c + n) % 4)];
      });
      const held = this.holdings(seat, one);
      const units = held.slice(b % 3, (b % 3) + 1 + (c % 9));
      if (b % 50 === 49) units.push(a);
      // Some of what users hold does not count; now and then more than they hold.
      const spent =
        c % 4 === 0 ? claims.map((_, n) => spentWord((b + n) % 3, ((b + n) % 3) + (a % 2))) : null;
      return groupOf(one, claims, units, 1 + (c % 3), 1 + (b % 4), spent);
    });
    const sequence = (last?.sequence ?? 0) + (a % 16 === 15 ? -1 : 1);
    const fresh = batchOf(seat, sequence, groups, { owner: b % 2, life: 1 + (a % 12 === 11 ? c % 3 : 0) });
    const batch = last !== null && c % 8 === 7 ? { ...last, seat } : fresh;
    view.batch = batch;
    await this.same(this.stage.commits.commit(batch), this.model.commit(batch));
  }

  private stateOf({ templateId, activityId }: PoolRef): PoolState | undefined {
    return this.model
      .pools(this.incarnation)
      .find(({ ref }) => ref.templateId === templateId && ref.activityId === activityId);
  }

  private holdings(seat: ShardSeat, ref: PoolRef): number[] {
    const state = this.stateOf(ref);
    return serialsOf(state?.leases.find(({ nodeId }) => nodeId === seat.nodeId)?.ranges ?? []);
  }

  /** Some units of the lease as sold, others as unsold. */
  private share(seat: ShardSeat, ref: PoolRef, sold: number, unsold: number): [SerialRange[], SerialRange[]] {
    const held = this.holdings(seat, ref);
    return [rangesOf(held.slice(0, sold)), rangesOf(held.slice(sold + 1, sold + 1 + unsold))];
  }

  /** Mostly the next one; now and then the last again, or an older one. */
  private sequence(view: NodeView, ref: PoolRef, a: number): number {
    const last = view.sequences.get(ref) ?? 0;
    if (a % 10 === 9) return last;
    if (a % 20 === 8) return Math.max(0, last - 1);
    view.sequences.set(ref, last + 1);
    return last + 1;
  }

  /** At the end: the stream, entry by entry, and all that was told. */
  async finish(): Promise<void> {
    await expectSameStream(this.stage.ledger, this.model, this.incarnation);
    // A sealed shard tells nothing more: the next incarnation does.
    const stamp = await this.stage.open(this.stage.nextIncarnation(), []);
    expect(await this.stage.told(stamp)).toEqual(this.model.notices);
  }
}
