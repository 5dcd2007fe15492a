/**
 * The owners as the engine sees them: what a life begins with, what becomes of its messages, and who is told of what.
 *
 * Start: every owner rebuilds from records and logs, then the ledger is computed from what is claimed, then pools open. An
 * owner whose life ends later goes the same way alone: seal, rebuild, reclaim, serve.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { ActorShares } from '../actors/shares.ts';
import type { ClaimDesk } from '../claims/claim-desk.ts';
import type { TemplateView } from '../claims/template-view.ts';
import type { Config } from '../config.ts';
import { takeShares } from '../ingress/replicas.ts';
import type { Logger } from '../logger.ts';
import type { FromOwner, OwnedTemplate, ToOwner } from '../workers/owner-messages.ts';
import { type LifePlan, type OwnerLife, OwnerPool } from '../workers/owner-pool.ts';
import type { InForce } from './in-force.ts';
import type { Ingresses } from './ingresses.ts';
import type { LeaseDesk } from './lease-desk.ts';
import type { OwnLogs } from './own-logs.ts';
import type { Templates } from './templates.ts';
import type { Topology } from './topology.ts';

export interface OwnersOptions {
  readonly config: Config;
  readonly topology: Topology;
  readonly templates: Templates;
  readonly logs: OwnLogs;
  readonly leases: LeaseDesk;
  readonly desk: ClaimDesk;
  readonly ingresses: Ingresses | null;
  readonly inForce: InForce;
  readonly connectStore: (port: MessagePort) => void;
  readonly flushSignal: SharedArrayBuffer;
  readonly onFatal: (error: Error) => void;
  readonly logger: Logger;
}

export class Owners {
  readonly pool: OwnerPool;
  private readonly options: OwnersOptions;
  private readonly count: number;
  private firstReady = 0;
  private onReady: () => void = () => {};

  constructor(options: OwnersOptions) {
    this.options = options;
    const { config, logs, ingresses, inForce, desk, topology, flushSignal, onFatal, logger } = options;
    this.count = config.ownerThreads;
    const { sink } = topology;
    this.pool = new OwnerPool(
      {
        owners: this.count,
        logRoot: logs.root,
        logSync: config.logSync,
        segmentBytesMax: config.logSegmentBytes,
        faults: config.faultsPath,
        flushSignal,
        logger,
      },
      {
        plan: (index) => this.plan(index),
        sealed: (_index, logId, end) => sink.ended(logId, end, 0),
        ready: (life, actors, stored, first) => this.ready(life, actors, stored, first),
        down: (index, first, error) => this.down(index, first, error),
        stopped: (logId, end) => sink.ended(logId, end, 0),
        ended: (index) => inForce.ownerEnded(index),
        message: (index, message) => this.message(index, message),
        doorbell: (life) => desk.doorbell(life),
        fatal: onFatal,
        ingressData: (index, isRestart) => ingresses?.dataOf(index, isRestart) ?? null,
        threadUp: (index, thread, descriptor) => ingresses?.threadUp(index, thread, descriptor),
        fromIngress: (index, message) => ingresses?.receive(index, message),
        threadLeaving: (index) => ingresses?.threadLeaving(index),
        threadDown: (index) => ingresses?.threadDown(index),
      },
    );
  }

  /** Resolves when all serve and can be given connections, and pools are open. */
  async start(): Promise<void> {
    const ready = new Promise<void>((resolve) => {
      this.onReady = resolve;
    });
    this.pool.start();
    await ready;
    await this.pool.allUp();
  }

  serves(owner: number): boolean {
    return this.pool.life(owner) !== null;
  }

  send(owner: number, message: ToOwner, transfer: readonly MessagePort[] = []): void {
    this.pool.send(owner, message, transfer);
  }

  /** The template's tables have grown by the buffers behind the first so many. */
  unitsAdded({ template, units }: TemplateView, before: number): void {
    if (units.buffers.length > before)
      this.pool.sendAll({ kind: 'units', templateId: template.id, buffers: units.buffers.slice(before) });
  }

  templateChanged(view: TemplateView): void {
    const { ingresses, topology } = this.options;
    ingresses?.templateChanged(view);
    const template = ownedTemplate(view);
    for (let owner = 0; owner < this.count; owner++)
      if (topology.concerns(owner, view)) this.send(owner, { kind: 'template', template });
  }

  /** Those that a change of the template must have reached, as InForce numbers them: behind the owners the ingresses. */
  concernedBy(view: TemplateView): number[] {
    const { ingresses, topology } = this.options;
    const owners = Array.from({ length: this.count }, (_, owner) => owner);
    const concerned = owners.filter((owner) => topology.concerns(owner, view));
    return ingresses === null ? concerned : [...concerned, ...owners.map((index) => this.count + index)];
  }

  private plan(index: number): LifePlan {
    const { connectStore, templates, topology, logs } = this.options;
    const { port1, port2 } = new MessageChannel();
    connectStore(port2);
    const owned = [...templates.all()].filter((view) => topology.concerns(index, view)).map(ownedTemplate);
    const before = topology.logsToRebuildFrom(logs.old);
    return {
      logId: logs.next(),
      templates: owned,
      logs: before,
      store: port1,
      cluster: topology.ownerTask(index),
    };
  }

  private ready(
    life: OwnerLife,
    actors: readonly ActorShares[],
    stored: readonly [number, number][],
    first: boolean,
  ): void {
    const { topology, ingresses, leases, desk, templates, onFatal } = this.options;
    for (const shares of actors) this.takeShares(shares);
    ingresses?.ownerUp(life.index);
    topology.sink.follow(life.logId, life.positions);
    topology.ownerReady(life.index, first);
    if (!first) leases.reclaim(life.index);
    desk.ownerUp(life);
    if (!first) return;
    templates.flushed(stored);
    this.firstReady++;
    if (this.firstReady === this.count) this.openPools().then(this.onReady, onFatal);
  }

  /** The first codes of each pool belong to being ready: a claim that comes at once waits for them no longer than it may. */
  private async openPools(): Promise<void> {
    const { topology, templates, leases, logger } = this.options;
    await topology.pools.start(templates.all());
    const stocked = leases.ledger.snapshot().map(({ ref }) => leases.stocked(ref));
    const late = (await Promise.all(stocked)).filter((inTime) => !inTime).length;
    if (late > 0) logger.warn({ pools: late }, 'first codes are still being made');
  }

  private down(index: number, first: boolean, error: Error): void {
    const { onFatal, logger, desk, ingresses } = this.options;
    if (first && this.firstReady < this.count) {
      onFatal(error);
      return;
    }
    logger.error({ err: error, owner: index }, 'owner failed; it starts again');
    desk.ownerDown(index);
    ingresses?.ownerDown(index);
  }

  private message(index: number, message: Exclude<FromOwner, number>): void {
    const { leases, inForce, templates, ingresses, topology } = this.options;
    switch (message.kind) {
      case 'lease':
        leases.lease(message.ref, message.holder, message.epoch, message.sold);
        break;
      case 'giveBack':
        leases.giveBack(message.ref, message.holder, message.epoch, message.sold, message.unsold);
        break;
      case 'actor':
        this.takeShares(message.actor);
        break;
      case 'confirmed':
        inForce.answered(index, message.change);
        break;
      case 'segment': {
        const actor = templates.get(message.templateId)!.actors[message.partition]!;
        actor.users?.replaceSegment(message.index, message.buffer);
        ingresses?.segmentChanged(message);
        break;
      }
      default:
        topology.fromOwner(index, message);
    }
  }

  private takeShares(shares: ActorShares): void {
    takeShares(this.options.templates.get(shares.templateId)!, shares);
    this.options.ingresses?.actorChanged(shares);
  }
}

function ownedTemplate(view: TemplateView): OwnedTemplate {
  return { rules: view.rules, total: view.template.total, placed: view.placed, units: view.units.buffers };
}
