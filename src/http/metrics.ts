/**
 * /metrics. Nothing is counted per claim for it: figures are gathered when somebody asks, from the desk's tallies and
 * from what the threads keep in shared memory. Only latencies are observed as they happen, one claim in sixteen.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { nameOf, Verdict } from '../actors/verdict.ts';
import type { Engine } from '../engine/engine.ts';
import { OwnerFigure } from '../rings/layout.ts';

const LATENCY_BUCKETS_S = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];

export interface MetricsOptions {
  readonly engine: Engine;
  /** CPU seconds of threads that are not owners, by name. */
  readonly threadCpu: () => readonly (readonly [string, number])[];
  /** Coupons that time has changed, and how late the last of them were marked. */
  readonly swept: { readonly coupons: number; readonly lateMs: number };
  /** Null where there is no Redis. */
  readonly redisUp: (() => boolean) | null;
}

export interface Metrics {
  /** In the Prometheus text format. */
  text(): Promise<string>;
  readonly contentType: string;
  /** Observes one claim's time from parsing to answer. */
  claimTook(seconds: number): void;
}

export function createMetrics({ engine, threadCpu, swept, redisUp }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];

  /** A counter whose truth lies elsewhere: set anew at each gathering. */
  function counter(
    name: string,
    help: string,
    labelNames: string[],
    read: (add: (value: number, labels?: Record<string, string>) => void) => void,
  ): void {
    new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        read((value, labels) => (labels === undefined ? this.inc(value) : this.inc(labels, value)));
      },
    });
  }
  function gauge(
    name: string,
    help: string,
    labelNames: string[],
    read: (set: (value: number, labels?: Record<string, string>) => void) => void,
  ): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        read((value, labels) => (labels === undefined ? this.set(value) : this.set(labels, value)));
      },
    });
  }
  const perOwner = (figure: number) => (add: (value: number, labels: Record<string, string>) => void) => {
    for (const [index, figures] of engine.owners.pool.figures.entries())
      add(figures.read()[figure], { owner: String(index) });
  };

  counter('doorbuster_coupons_swept_total', 'Coupons expired, or released from a lapsed lock.', [], (add) =>
    add(swept.coupons),
  );
  gauge(
    'doorbuster_sweep_lateness_seconds',
    'Between the moment the last coupons swept were due and their sweep.',
    [],
    (set) => set(swept.lateMs / 1000),
  );
  counter('doorbuster_claims_total', 'Claims answered, by verdict.', ['verdict'], (add) => {
    for (const verdict of Object.values(Verdict)) {
      add(engine.claimsAnswered(verdict), { verdict: nameOf(verdict) });
    }
  });
  counter(
    'doorbuster_claims_answered_by_ingress_total',
    'Claims answered without asking an owner.',
    [],
    (add) => add(engine.desk.answeredHere + (engine.ingresses?.figures().answeredHere ?? 0)),
  );
  const latency = new Histogram({
    name: 'doorbuster_claim_seconds',
    help: 'Time from a parsed claim to its answer, of one claim in sixteen that went to an owner.',
    buckets: LATENCY_BUCKETS_S,
    registers,
  });
  gauge('doorbuster_claims_in_flight', 'Claims sent to owners and not yet answered.', [], (set) =>
    set(engine.desk.inFlight + (engine.ingresses?.figures().inFlight ?? 0)),
  );
  gauge('doorbuster_live_connections', 'Open WebSocket connections.', [], (set) =>
    set(engine.ingresses?.figures().live ?? 0),
  );
  counter(
    'doorbuster_owner_drains_total',
    'Drains of an owner ring.',
    ['owner'],
    perOwner(OwnerFigure.drains),
  );
  counter(
    'doorbuster_owner_requests_total',
    'Requests an owner decided.',
    ['owner'],
    perOwner(OwnerFigure.requests),
  );
  counter(
    'doorbuster_owner_batches_total',
    'Batches appended to the claim log.',
    ['owner'],
    perOwner(OwnerFigure.batches),
  );
  counter(
    'doorbuster_owner_claims_total',
    'Claims appended to the claim log.',
    ['owner'],
    perOwner(OwnerFigure.claims),
  );
  counter('doorbuster_log_syncs_total', 'Syncs of the claim log.', ['owner'], perOwner(OwnerFigure.syncs));
  counter(
    'doorbuster_log_sync_seconds_total',
    'Time spent waiting for them.',
    ['owner'],
    perOwner(OwnerFigure.syncSeconds),
  );
  gauge(
    'doorbuster_log_bytes',
    'Length of the current claim log.',
    ['owner'],
    perOwner(OwnerFigure.logBytes),
  );
  gauge(
    'doorbuster_rebuild_claims',
    'Claims that an owner has read on the way to serve, now or last.',
    ['owner'],
    (set) => {
      for (const [owner, claims] of engine.owners.pool.rebuilt.entries())
        set(claims, { owner: String(owner) });
    },
  );
  gauge('doorbuster_users', 'Users in the user tables.', ['owner'], perOwner(OwnerFigure.users));
  gauge(
    'doorbuster_user_table_bytes',
    'Memory of the user tables.',
    ['owner'],
    perOwner(OwnerFigure.userTableBytes),
  );
  counter('doorbuster_owner_restarts_total', 'Owners that failed and were started again.', [], (add) =>
    add(engine.owners.pool.restarts),
  );
  gauge(
    'doorbuster_lease_units',
    'Units by where they are: free in the ledger, or leased to owners.',
    ['state'],
    (set) => {
      let free = 0;
      let leased = 0;
      for (const view of engine.templates.all()) {
        const stock = engine.stock.of(view.template.id)!;
        free += stock.free;
        leased += stock.leased;
      }
      set(free, { state: 'free' });
      set(leased, { state: 'leased' });
    },
  );
  gauge('doorbuster_flush_lag_claims', 'Durable claims not yet in the record store.', [], (set) =>
    set(engine.lag),
  );
  gauge('doorbuster_flush_stuck_logs', 'Logs whose flushing has stopped.', [], (set) =>
    set(engine.sink.stuck.size),
  );
  if (redisUp !== null)
    gauge('doorbuster_redis_up', 'Whether Redis can be reached: 1 or 0.', [], (set) =>
      set(redisUp() ? 1 : 0),
    );
  const { topology } = engine;
  if (topology.ledgerFacts()?.profile === 'cluster')
    gauge(
      'doorbuster_shards_closed',
      'Shards of the cluster that this node cannot take claims of.',
      [],
      (set) => {
        const facts = topology.ledgerFacts();
        if (facts?.profile === 'cluster') set(Object.keys(facts.closed).length);
      },
    );
  counter('doorbuster_thread_cpu_seconds_total', 'CPU time by thread.', ['thread'], (add) => {
    for (const [thread, seconds] of threadCpu()) add(seconds, { thread });
    for (const [index, figures] of engine.owners.pool.figures.entries()) {
      add(figures.read()[OwnerFigure.cpuSeconds], { thread: `owner-${index}` });
    }
  });
  gauge('doorbuster_memory_bytes', 'Memory of the process.', ['kind'], (set) => {
    const { rss, heapUsed, external } = process.memoryUsage();
    set(rss, { kind: 'rss' });
    set(heapUsed, { kind: 'heap' });
    set(external, { kind: 'external' });
  });
  return {
    text: async () => {
      await engine.ingresses?.refresh();
      return registry.metrics();
    },
    contentType: registry.contentType,
    claimTook: (seconds) => latency.observe(seconds),
  };
}
