/**
 * Opens the next incarnation of shards whose last one was lost, when everything of it is in the record store. Whoever
 * the store lets do it may die or be overtaken at any point: the next one begins again under a number of its own.
 */
import type { Activity, Template } from '../domain/template.ts';
import type { RecordStore } from '../ports.ts';
import type { ClusterStore } from '../ports-cluster.ts';
import { type ShardLedger, shardOf } from '../ports-ledger.ts';
import type { Clock } from './clock.ts';
import type { CodeGuard } from './code-guard.ts';
import type { Contributed } from './contribution.ts';
import { Gather } from './gather.ts';
import { poolPlans } from './pool-plans.ts';
import { StoredClaims } from './stored-claims.ts';
import { drainStream } from './stream-drain.ts';
import { Overtaken, Undertaking } from './undertaking.ts';

/** busy: another node is at it. missing: whose local logs are still to be heard. failed: to be tried again. */
export type Rebuilt =
  | { readonly kind: 'opened'; readonly incarnation: number }
  | { readonly kind: 'busy' }
  | { readonly kind: 'missing'; readonly nodeIds: readonly string[] }
  | { readonly kind: 'failed'; readonly detail: string }
  | { readonly kind: 'conflict'; readonly detail: string };

/** Stores what this node's logs have, when `incarnation` is replaced. */
export type OwnLogs = (incarnation: number) => Promise<Contributed>;

/** How long others wait for a sign of life before they take a rebuilding over. */
const PATIENCE_MS = 30_000;
const KEEP_MS = PATIENCE_MS / 6;
/** While users are loaded no sign can be given; they take longer the more there are. */
const LOAD_PATIENCE_MS = 120_000;
const LOADED_PER_MS = 10;
/** Claims whose holders are kept in memory at a time: 40 bytes each. */
const HELD_MAX = 2_000_000;

export class Rebuild {
  private readonly clock: Clock;
  private readonly nodeId: string;
  private readonly store: RecordStore & ClusterStore;
  private readonly ledger: ShardLedger;
  private readonly guard: CodeGuard;
  private readonly gather: Gather<OwnLogs | null, Rebuilt>;

  constructor(
    clock: Clock,
    nodeId: string,
    store: RecordStore & ClusterStore,
    ledger: ShardLedger,
    guard: CodeGuard,
  ) {
    this.clock = clock;
    this.nodeId = nodeId;
    this.store = store;
    this.ledger = ledger;
    this.guard = guard;
    this.gather = new Gather(clock, (wanted) => this.pass(wanted));
  }

  /**
   * For a shard that is rebuilding. `ownLogs` stores what this node's logs have of it; given by a node that nobody waits
   * for: while it has the rebuilding, nobody can have read the store before.
   */
  rebuild(shard: number, ownLogs: OwnLogs | null): Promise<Rebuilt> {
    return this.gather.ask(shard, ownLogs);
  }

  private async pass(wanted: ReadonlyMap<number, OwnLogs | null>): Promise<Map<number, Rebuilt>> {
    const results = new Map<number, Rebuilt>();
    const taken: Undertaking[] = [];
    const prepare = async ([shard, ownLogs]: [number, OwnLogs | null]): Promise<void> => {
      const begun = await attempt(() => this.prepare(shard, ownLogs));
      if (begun instanceof Undertaking) taken.push(begun);
      else results.set(shard, begun);
    };
    await Promise.all([...wanted].map(prepare));
    if (taken.length === 0) return results;

    // Whatever takes long, those whose turn it is not yet stay ours.
    const shards = new Set(taken.map(({ shard }) => shard));
    const claims = await this.keeping(taken, this.readClaims(shards));
    while (taken.length > 0) {
      const one = taken.shift()!;
      results.set(one.shard, await attempt(() => this.keeping(taken, this.open(one, claims))));
    }
    return results;
  }

  /** Gives signs of life while something goes on. One that cannot be given is missed when that shard is opened. */
  private async keeping<T>(taken: readonly Undertaking[], work: Promise<T>): Promise<T> {
    let isOver = false;
    const keep = async (): Promise<void> => {
      while (!isOver) {
        await Promise.allSettled(taken.map((one) => one.keep()));
        await this.clock.sleep(KEEP_MS);
      }
    };
    void keep();
    try {
      return await work;
    } finally {
      isOver = true;
    }
  }

  /** Takes it on and stores what the old stream, and the logs of a node that is no member, still have. */
  private async prepare(shard: number, ownLogs: OwnLogs | null): Promise<Undertaking | Rebuilt> {
    const taken = await Undertaking.begin(this.clock, this.store, this.nodeId, shard, PATIENCE_MS);
    if (!(taken instanceof Undertaking)) return taken;
    const stored = (await ownLogs?.(taken.lost)) ?? { kind: 'stored' };
    if (stored.kind === 'conflict') return stored;
    taken.assertOurs();
    if (taken.lost === 0) return taken;
    await this.ledger.seal(shard, taken.lost);
    const { store, ledger, guard } = this;
    const drained = await drainStream(store, ledger, guard, shard, taken.lost, () => taken.keep());
    if (drained.kind === 'conflict') return drained;
    return drained.kind === 'overtaken' ? { kind: 'busy' } : taken;
  }

  private async readClaims(shards: ReadonlySet<number>): Promise<ClaimsOfShards> {
    const [templates, activities] = [await this.store.templates(), await this.store.activities()];
    const wanted = templates.filter(
      ({ id, publishedAtMs }) => publishedAtMs !== null && shards.has(shardOf(id)),
    );
    const claims = await StoredClaims.read(this.store, wanted, HELD_MAX);
    return { templates: wanted, activities, claims };
  }

  private async open(
    taken: Undertaking,
    { templates, activities, claims }: ClaimsOfShards,
  ): Promise<Rebuilt> {
    const { shard } = taken;
    const ours = templates.filter(({ id }) => shardOf(id) === shard);
    const claimed = ours.reduce((sum, { id }) => sum + claims.unitsOf(id).claimed, 0);
    // The number that counts from now on: while users are loaded it must not change any more.
    await taken.settle(LOAD_PATIENCE_MS + claimed / LOADED_PER_MS);
    const { incarnation } = taken;
    const plans = ours.flatMap((template) => poolPlans(template, activities, claims.unitsOf(template.id)));
    await this.ledger.open(shard, incarnation, plans, claims.held(new Set(ours.map(({ id }) => id))));
    taken.assertOurs();
    const opened = await this.store.openShard(shard, this.nodeId, incarnation);
    return opened ? { kind: 'opened', incarnation } : { kind: 'busy' };
  }
}

interface ClaimsOfShards {
  readonly templates: readonly Template[];
  readonly activities: readonly Activity[];
  readonly claims: StoredClaims;
}

/** What one shard meets must not keep the others closed. */
async function attempt<T>(work: () => Promise<T>): Promise<T | Rebuilt> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Overtaken) return { kind: 'busy' };
    return { kind: 'failed', detail: error instanceof Error ? error.message : String(error) };
  }
}
