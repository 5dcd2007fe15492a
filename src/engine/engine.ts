/**
 * The claim engine on the main thread, put together: what is known of templates, the ledger's desk, the owner threads with
 * their ingresses, and what the profile adds. It decides no claim itself.
 */
import type { MessagePort } from 'node:worker_threads';
import { ClaimDesk } from '../claims/claim-desk.ts';
import type { Config } from '../config.ts';
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import type { Logger } from '../logger.ts';
import type { RecordStore } from '../ports.ts';
import { FLUSH_SIGNAL_BYTES } from '../rings/layout.ts';
import { CatalogChanges } from './catalog-changes.ts';
import type { ClaimSink } from './claim-sink.ts';
import type { ClusterNode } from './cluster/cluster-topology.ts';
import { Compute } from './compute.ts';
import { InForce } from './in-force.ts';
import { Ingresses, type IngressSetup } from './ingresses.ts';
import { LeaseDesk } from './lease-desk.ts';
import { openTopology } from './open-topology.ts';
import { OwnLogs } from './own-logs.ts';
import { Owners } from './owners.ts';
import type { SingleNode } from './single/single-topology.ts';
import { StockReport } from './stock-report.ts';
import { Templates } from './templates.ts';
import type { Topology } from './topology.ts';

const LAG_CHECK_MS = 100;
/** While pools wait to be known as sold out. */
const SETTLE_MS = 20;

export interface EngineOptions {
  readonly config: Config;
  readonly codeKey: Uint8Array;
  readonly store: RecordStore;
  /** Connects one more client to the record store's thread. */
  readonly connectStore: (port: MessagePort) => void;
  readonly logger: Logger;
  /** What this node shares with others: null, nothing (profile `embedded`). */
  readonly shared: SingleNode | ClusterNode | null;
  /** Where clients come in, in the owners' threads; null: claims come to `desk` only. */
  readonly ingress: IngressSetup | null;
  /** The engine cannot go on: damage was found, and serving would make it worse. */
  readonly onFatal: (error: Error) => void;
}

export class Engine {
  readonly templates: Templates;
  /** Main's own ingress. */
  readonly desk: ClaimDesk;
  readonly leases: LeaseDesk;
  readonly topology: Topology;
  readonly ingresses: Ingresses | null;
  readonly owners: Owners;
  readonly stock: StockReport;
  /** What the catalog asks. */
  readonly changes: CatalogChanges;
  readonly compute: Compute;
  private readonly options: EngineOptions;
  private readonly logs: OwnLogs;
  private lagTimer: NodeJS.Timeout | null = null;

  constructor(options: EngineOptions) {
    this.options = options;
    const { config, codeKey, store, connectStore, logger, shared, ingress, onFatal } = options;
    const owners = config.ownerThreads;
    const lagging = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const flushSignal = new SharedArrayBuffer(FLUSH_SIGNAL_BYTES);
    this.templates = new Templates(owners);
    this.logs = new OwnLogs(config);
    const spent = {
      spent: (couponIds: readonly number[], nowMs: number) => store.spentCoupons(couponIds, nowMs),
      onFailure: (error: unknown) =>
        logger.error({ err: error }, 'which coupons are spent could not be read'),
    };
    this.desk = new ClaimDesk(owners, spent, lagging);
    this.compute = new Compute({ codeKey, askForCatalog: () => this.topology.askForCatalog() });
    this.leases = new LeaseDesk({
      send: (owner, message) => this.owners.send(owner, message),
      template: (templateId) => this.templates.get(templateId),
      makeCodes: (templateId, range) => this.compute.makeCodes(this.templates.get(templateId)!, range),
      onFailure: (error) => logger.error({ err: error }, 'codes could not be made'),
    });
    this.topology = openTopology(
      {
        config,
        root: this.logs.root,
        codeKey,
        connectStore,
        leases: this.leases,
        templates: this.templates.views,
        flushSignal,
        tellOwner: (owner, message) => this.owners.send(owner, message),
        onFlushed: (counts) => this.templates.flushed(counts),
        onFatal,
        logger,
      },
      shared,
    );
    // Those that a change must reach: the owners, and behind them, numbered on, the ingresses.
    const inForce = new InForce({
      send: (who, message) => {
        if (who < owners) this.owners.send(who, message);
        else this.ingresses!.confirm(who - owners, message.change);
      },
      serves: (who) => (who < owners ? this.owners.serves(who) : this.ingresses!.isUp(who - owners)),
      leases: this.leases,
    });
    this.ingresses =
      ingress === null
        ? null
        : new Ingresses({
            setup: ingress,
            owners,
            lagging,
            connectStore,
            templates: () => this.templates.all(),
            toOwner: (owner, message, transfer) => this.owners.send(owner, message, transfer),
            serves: (owner) => this.owners.serves(owner),
            onConfirmed: (index, change) => inForce.answered(owners + index, change),
            onGone: (index) => inForce.ownerEnded(owners + index),
            logger,
          });
    const { templates, topology, logs, leases, desk, ingresses } = this;
    const parts = { config, topology, templates, logs, leases, desk, ingresses, inForce };
    this.owners = new Owners({ ...parts, connectStore, flushSignal, onFatal, logger });
    this.stock = new StockReport(templates, leases, topology);
    this.changes = new CatalogChanges(templates, topology, this.owners, inForce);
  }

  get sink(): ClaimSink {
    return this.topology.sink;
  }

  /** Durable claims that are not in the record store yet. */
  get lag(): number {
    return this.topology.lag();
  }

  /** Seals the logs of before; resolves when every owner has rebuilt its memory and claims can be answered. */
  async start(
    templates: Iterable<Template>,
    activities: Iterable<Activity>,
    extents: Iterable<CodeExtent>,
  ): Promise<void> {
    const { store, config } = this.options;
    this.templates.load(templates, activities, extents);
    this.logs.seal(this.topology, await store.watermarks());
    await this.owners.start();
    this.topology.started();
    const check = (): void => {
      this.leases.settle();
      this.desk.lagging = this.lag > config.lagLimitClaims;
      this.lagTimer = setTimeout(check, this.leases.isUnsettled ? SETTLE_MS : LAG_CHECK_MS);
    };
    check();
  }

  /** Answers what is in flight, gives leases back, flushes; the caller has stopped taking requests. */
  async stop(patienceMs: number): Promise<void> {
    if (this.lagTimer !== null) clearTimeout(this.lagTimer);
    this.topology.stopping();
    await this.owners.pool.stop();
    await this.topology.pools.stop();
    await this.sink.stop(patienceMs);
    await this.compute.stop();
    await this.owners.pool.end();
  }

  /** Ends the threads that have sockets: a process must not end before them. For when `stop` is not to be waited for. */
  async abort(): Promise<void> {
    await this.owners.pool.end();
  }

  /** Claims answered with this verdict since the start, as far as told. */
  claimsAnswered(verdict: number): number {
    return this.desk.answers[verdict] + (this.ingresses?.figures().answers[verdict] ?? 0);
  }

  /** Nothing that came in waits for its answer. */
  async isDrained(): Promise<boolean> {
    await this.ingresses?.refresh();
    const { inFlight, relayed } = this.ingresses?.figures() ?? { inFlight: 0, relayed: 0 };
    return this.desk.inFlight + inFlight + relayed === 0;
  }
}
