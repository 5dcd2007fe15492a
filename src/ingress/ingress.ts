/**
 * One place where clients come in: claims over HTTP and the live socket are decided by owners over rings, everything else
 * is answered by main. It knows of templates what main tells it (replicas.ts), and nothing of the catalog.
 *
 * An ingress lives in the thread of an owner, so the claims of that owner's templates cross no thread at all.
 */
import { AddressLimit } from '../auth/address-limit.ts';
import { AddressRateLimiter } from '../auth/address-rate-limit.ts';
import type { Authenticator } from '../auth/credentials.ts';
import { RateLimiter } from '../auth/rate-limit.ts';
import { ClaimDesk } from '../claims/claim-desk.ts';
import { remainingUnits } from '../claims/remaining.ts';
import type { PoolView } from '../claims/template-view.ts';
import { wasOpened } from '../domain/lifecycle.ts';
import { ClaimRoutes } from '../http/claim-routes.ts';
import type { Rendered } from '../http/exchange.ts';
import type { FaultLog, RelayedRequest } from '../http/relayed.ts';
import { createRouter, type Router } from '../http/router.ts';
import type { TemplatedApp } from '../http/uws-types.ts';
import { LiveClaims } from '../live/live-claims.ts';
import { LiveSocket } from '../live/live-socket.ts';
import type { Target } from '../live/messages.ts';
import { StockWatch } from '../live/stock-watch.ts';
import { INGRESS_FIGURES, IngressFigure, REPLY_WORDS, REQUEST_WORDS } from '../rings/layout.ts';
import type { LocalLine } from '../rings/local-line.ts';
import { RingConsumer, RingProducer } from '../rings/ring.ts';
import { NumbersWriter } from '../rings/shared-numbers.ts';
import { DOORBELL } from '../workers/owner-messages.ts';
import type { FromIngress, IngressData, ToIngress } from './ingress-messages.ts';
import { Replicas } from './replicas.ts';

const FIGURES_MS = 250;

export interface IngressParts {
  readonly data: IngressData;
  readonly app: TemplatedApp;
  readonly authenticator: Authenticator;
  readonly tell: (message: FromIngress) => void;
  readonly relay: (request: RelayedRequest) => Promise<Rendered>;
  /** Of these coupons, those that are used, expired or voided. */
  readonly spent: (couponIds: readonly number[], nowMs: number) => Promise<readonly number[]>;
  /** The doorbells between this ingress and the owner of the same thread. */
  readonly line: LocalLine;
  readonly now: () => number;
}

export class Ingress {
  private readonly parts: IngressParts;
  private readonly replicas: Replicas;
  private readonly desk: ClaimDesk;
  private readonly claims: ClaimRoutes;
  private readonly live: LiveSocket;
  private readonly watch: StockWatch;
  private readonly router: Router;
  private readonly figures: NumbersWriter;
  private readonly timer: NodeJS.Timeout;
  private took: number[] = [];

  constructor(parts: IngressParts) {
    this.parts = parts;
    const { data, app, authenticator, now } = parts;
    const { corsOrigins } = data.config;
    this.replicas = new Replicas(data.owners);
    const { replicas } = this;
    const log: FaultLog & { warn(message: string): void } = {
      error: (fields, message) => this.fault(message, fields),
      warn: (message) => parts.tell({ kind: 'warning', message }),
    };
    this.desk = new ClaimDesk(
      data.owners,
      {
        spent: parts.spent,
        onFailure: (error) => this.fault('which coupons are spent could not be read', { err: error }),
      },
      data.lagging,
    );
    // Claims count in one, whichever way they come.
    const userLimiter = new RateLimiter(data.config.rateLimitUserPerSecond, { share: data.userRates });
    const addressLimit = addressLimitOf(data, authenticator, log);
    const pool = ({ templateId, activityId }: Target): PoolView | undefined =>
      activityId === 0
        ? replicas.template(templateId)?.pools.get(0)
        : replicas.templateOfActivity(activityId)?.pools.get(activityId);
    const shared = { authenticator, userLimiter, addressLimit, corsOrigins, now };
    this.claims = new ClaimRoutes({
      ...shared,
      desk: this.desk,
      template: (templateId) => replicas.template(templateId),
      templateOfActivity: (activityId) => replicas.templateOfActivity(activityId),
      onFault: (error) => this.fault('a claim could not be handled', { err: error }),
    });
    this.claims.onTimed = (seconds) => this.took.push(seconds);
    this.watch = new StockWatch({
      activity: (activityId) => {
        const view = replicas.templateOfActivity(activityId);
        const activity = view?.activities.find(({ id }) => id === activityId);
        return activity !== undefined && wasOpened(activity) ? activity : undefined;
      },
      template: (templateId) => replicas.template(templateId)!.template,
      remaining: (templateId, activityId) => remainingUnits(replicas.template(templateId)!, activityId),
      publish: (topic, message, isBinary) => app.publish(topic, message, isBinary),
      now,
    });
    this.live = new LiveSocket({ ...shared, claims: new LiveClaims(this.desk), watch: this.watch, pool });
    this.router = createRouter({ routes: data.routes, authenticator, corsOrigins, relay: parts.relay, log });
    this.claims.mount(app);
    this.live.mount(app);
    this.router.mount(app);
    this.figures = new NumbersWriter(data.figures, INGRESS_FIGURES);
    this.timer = setInterval(() => this.tellFigures(), FIGURES_MS);
  }

  receive(message: ToIngress): void {
    const { parts, replicas } = this;
    switch (message.kind) {
      case 'template':
        replicas.take(message.replica);
        break;
      case 'actor':
        replicas.takeShares(message.shares);
        break;
      case 'segment':
        replicas.takeSegment(message.templateId, message.partition, message.index, message.buffer);
        break;
      case 'ownerUp':
        this.ownerUp(message);
        break;
      case 'ownerDown':
        this.desk.ownerDown(message.owner);
        break;
      case 'confirm':
        parts.tell({ kind: 'confirmed', change: message.change });
        break;
      case 'tellFigures':
        this.tellFigures();
        parts.tell({ kind: 'told', question: message.question });
        break;
      case 'drain':
        this.claims.draining = true;
        this.live.draining = true;
        this.watch.stop();
        break;
      case 'closeLive':
        this.live.closeAll();
        break;
    }
  }

  /** Its app is to be closed. */
  stop(): void {
    clearInterval(this.timer);
    this.watch.stop();
  }

  private ownerUp({ owner, requests, replies, port }: ToIngress & { kind: 'ownerUp' }): void {
    const { line } = this.parts;
    const link = {
      index: owner,
      requests: new RingProducer(requests, REQUEST_WORDS),
      replies: new RingConsumer(replies, REPLY_WORDS),
      ring: port === null ? () => line.toOwner() : () => port.postMessage(DOORBELL),
    };
    const doorbell = (): void => this.desk.doorbell(link);
    if (port === null) line.toIngress = () => apart(doorbell);
    else port.on('message', doorbell);
    this.desk.ownerUp(link);
  }

  private tellFigures(): void {
    const { values } = this.figures;
    const { desk } = this;
    values.set(desk.answers, IngressFigure.answers);
    values[IngressFigure.answeredHere] = desk.answeredHere;
    values[IngressFigure.inFlight] = desk.inFlight;
    values[IngressFigure.relayed] = this.router.inFlight();
    values[IngressFigure.live] = this.live.connections;
    this.figures.publish();
    if (this.took.length === 0) return;
    this.parts.tell({ kind: 'took', seconds: this.took });
    this.took = [];
  }

  private fault(message: string, fields: object): void {
    const { err, ...rest } = fields as { err?: unknown };
    const told = err instanceof Error ? (err.stack ?? err.message) : String(err ?? '');
    this.parts.tell({ kind: 'fault', message, fields: rest, error: told });
  }
}

/** Whoever calls has nothing to do with what is thrown here. */
function apart(body: () => void): void {
  try {
    body();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}

/** Null: addresses are not limited. */
function addressLimitOf(
  { config, addressRates }: IngressData,
  authenticator: Authenticator,
  log: { warn(message: string): void },
): AddressLimit | null {
  const perSecond = config.rateLimitAddressPerSecond;
  if (perSecond === 0) return null;
  const limiter = new AddressRateLimiter(perSecond, { share: addressRates });
  return new AddressLimit({ limiter, authenticator, log });
}
