/**
 * One rebuilding this node has taken on. It counts only as long as nobody else can have taken it over: every renewal
 * must come within the patience of the one before, by this node's own clock.
 */
import type { ClusterStore } from '../ports-cluster.ts';
import type { Clock } from './clock.ts';

export class Overtaken extends Error {
  override readonly name = 'Overtaken';
}

type Refusal = Exclude<Awaited<ReturnType<ClusterStore['takeRebuild']>>, { kind: 'taken' }>;

export class Undertaking {
  readonly shard: number;
  /** The incarnation that is replaced. */
  readonly lost: number;
  private number: number;
  private readonly clock: Clock;
  private readonly store: ClusterStore;
  private readonly nodeId: string;
  private takenAtMs: number;
  private patienceMs: number;
  /** One renewal at a time: each gives another number. */
  private turn: Promise<unknown> = Promise.resolve();
  private isSettled = false;

  private constructor(
    clock: Clock,
    store: ClusterStore,
    nodeId: string,
    shard: number,
    taken: { readonly incarnation: number; readonly lost: number; readonly atMs: number },
    patienceMs: number,
  ) {
    this.clock = clock;
    this.store = store;
    this.nodeId = nodeId;
    this.shard = shard;
    this.lost = taken.lost;
    this.number = taken.incarnation;
    this.takenAtMs = taken.atMs;
    this.patienceMs = patienceMs;
  }

  static async begin(
    clock: Clock,
    store: ClusterStore,
    nodeId: string,
    shard: number,
    patienceMs: number,
  ): Promise<Undertaking | Refusal> {
    const atMs = clock.nowMs();
    const take = await store.takeRebuild(shard, nodeId, patienceMs);
    if (take.kind !== 'taken') return take;
    return new Undertaking(clock, store, nodeId, shard, { ...take, atMs }, patienceMs);
  }

  /** The number of the incarnation to make. */
  get incarnation(): number {
    return this.number;
  }

  /** Throws Overtaken when somebody else may be at it. */
  assertOurs(): void {
    if (this.clock.nowMs() - this.takenAtMs >= this.patienceMs)
      throw new Overtaken(`rebuilding shard ${this.shard} took longer than it may without a sign of life`);
  }

  /** A sign of life, when it is time for one and the number may still change. */
  async keep(): Promise<void> {
    await this.inTurn(async () => {
      const isTime = this.clock.nowMs() - this.takenAtMs > this.patienceMs / 3;
      if (isTime && !this.isSettled) await this.renew(this.patienceMs);
    });
  }

  /** The number does not change any more, for `patienceMs`. */
  async settle(patienceMs: number): Promise<void> {
    await this.inTurn(async () => {
      await this.renew(patienceMs);
      this.isSettled = true;
    });
  }

  private inTurn(step: () => Promise<void>): Promise<void> {
    const done = this.turn.then(step);
    this.turn = done.catch(() => {});
    return done;
  }

  private async renew(patienceMs: number): Promise<void> {
    const atMs = this.clock.nowMs();
    const take = await this.store.takeRebuild(this.shard, this.nodeId, patienceMs);
    this.assertOurs();
    if (take.kind !== 'taken' || take.lost !== this.lost)
      throw new Overtaken(`shard ${this.shard} is rebuilt by another node`);
    this.number = take.incarnation;
    this.takenAtMs = atMs;
    this.patienceMs = patienceMs;
  }
}
