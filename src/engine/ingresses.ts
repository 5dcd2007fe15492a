/**
 * The ingresses in the owners' threads, as main sees them: connects each to every owner, keeps what they know of templates
 * in step, gathers what they count, and has connections handed to them.
 *
 * Main is an ingress too, of number 0 and without clients; the one in the thread of owner n has the number n + 1.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { ActorShares } from '../actors/shares.ts';
import { type RateShare, rateShare } from '../auth/rate-limit.ts';
import type { TemplateView } from '../claims/template-view.ts';
import type { RouteHead } from '../http/route.ts';
import type { FromIngress, IngressConfig, IngressData, ToIngress } from '../ingress/ingress-messages.ts';
import { replicaOf, sharesOf } from '../ingress/replicas.ts';
import { REPLY_RING_RECORDS, REQUEST_RING_RECORDS } from '../limits.ts';
import type { Logger } from '../logger.ts';
import { INGRESS_FIGURES, IngressFigure, REPLY_WORDS, REQUEST_WORDS } from '../rings/layout.ts';
import { ringBuffer } from '../rings/ring.ts';
import { NumbersReader, sharedNumbers } from '../rings/shared-numbers.ts';
import type { ToOwner } from '../workers/owner-messages.ts';
import type { OwnerThread } from '../workers/owner-thread.ts';

/** A thread that stands still is not waited for any longer: its figures are those of before. */
const REFRESH_MS = 1_000;

/** Whoever accepts connections and hands them to the threads' apps. */
export interface Acceptor {
  add(descriptor: unknown): void;
  remove(descriptor: unknown): void;
}

export interface IngressSetup {
  readonly config: IngressConfig;
  readonly adminToken: string;
  readonly routes: () => readonly RouteHead[];
  /** Answers what is relayed over the port. */
  readonly serveRelays: (port: MessagePort) => void;
  readonly acceptor: Acceptor;
  readonly onTook: (seconds: number) => void;
}

export interface IngressesOptions {
  readonly setup: IngressSetup;
  readonly owners: number;
  readonly lagging: SharedArrayBuffer;
  readonly connectStore: (port: MessagePort) => void;
  readonly templates: () => Iterable<TemplateView>;
  /** The owner's life serves, or will: it gets one more ring. */
  readonly toOwner: (owner: number, message: LinkMessage, transfer: readonly MessagePort[]) => void;
  readonly serves: (owner: number) => boolean;
  /** An ingress has taken a change in, or is gone and has not to. */
  readonly onConfirmed: (index: number, change: number) => void;
  readonly onGone: (index: number) => void;
  readonly logger: Logger;
}

type LinkMessage = Extract<ToOwner, { kind: 'ingress' }>;

interface Up {
  readonly thread: OwnerThread;
  readonly descriptor: unknown;
}

/** Of all ingresses together, since the start. */
export interface IngressFigures {
  readonly answers: Float64Array;
  readonly answeredHere: number;
  readonly inFlight: number;
  readonly relayed: number;
  readonly live: number;
}

export class Ingresses {
  private readonly options: IngressesOptions;
  private readonly up: (Up | null)[];
  private readonly figureReaders: (NumbersReader | null)[];
  /** What ingresses of threads that are gone have counted. */
  private readonly before = new Float64Array(INGRESS_FIGURES);
  private readonly userRates: RateShare | null;
  private readonly addressRates: RateShare | null;
  private readonly questions = new Map<
    number,
    { readonly waiting: Set<number>; readonly resolve: () => void }
  >();
  private lastQuestion = 0;
  private isDraining = false;

  constructor(options: IngressesOptions) {
    this.options = options;
    const { owners, setup } = options;
    this.up = new Array<Up | null>(owners).fill(null);
    this.figureReaders = new Array<NumbersReader | null>(owners).fill(null);
    this.userRates = owners > 1 && setup.config.rateLimitUserPerSecond > 0 ? rateShare() : null;
    this.addressRates = owners > 1 && setup.config.rateLimitAddressPerSecond > 0 ? rateShare() : null;
  }

  /** What the ingress of a new thread begins with. */
  dataOf(index: number, isRestart: boolean): { data: IngressData; transfer: MessagePort[] } {
    const { setup, owners, lagging, connectStore } = this.options;
    const relay = new MessageChannel();
    const store = new MessageChannel();
    setup.serveRelays(relay.port1);
    connectStore(store.port1);
    const figures = sharedNumbers(INGRESS_FIGURES);
    this.figureReaders[index] = new NumbersReader(figures, INGRESS_FIGURES);
    const data: IngressData = {
      owners,
      isRestart,
      config: setup.config,
      adminToken: setup.adminToken,
      routes: setup.routes(),
      lagging,
      figures,
      userRates: this.userRates,
      addressRates: this.addressRates,
      relay: relay.port2,
      store: store.port2,
    };
    return { data, transfer: [relay.port2, store.port2] };
  }

  threadUp(index: number, thread: OwnerThread, descriptor: unknown): void {
    this.up[index] = { thread, descriptor };
    for (const view of this.options.templates()) this.tellAllOf(index, view);
    for (let owner = 0; owner < this.options.owners; owner++)
      if (this.options.serves(owner)) this.link(index, owner);
    if (this.isDraining) thread.send({ kind: 'drain' });
    else this.options.setup.acceptor.add(descriptor);
  }

  threadLeaving(index: number): void {
    const one = this.up[index];
    if (one === null) return;
    this.up[index] = null;
    if (!this.isDraining) this.options.setup.acceptor.remove(one.descriptor);
    for (const question of [...this.questions.keys()]) this.answered(index, question);
    this.options.onGone(index);
  }

  threadDown(index: number): void {
    this.threadLeaving(index);
    const last = this.figureReaders[index]?.read();
    this.figureReaders[index] = null;
    if (last === undefined) return;
    for (let i = 0; i <= IngressFigure.answeredHere; i++) this.before[i] += last[i];
  }

  isUp(index: number): boolean {
    return this.up[index] !== null;
  }

  // ------------------------------------------------------------ owners

  ownerUp(owner: number): void {
    for (let index = 0; index < this.options.owners; index++) if (this.isUp(index)) this.link(index, owner);
  }

  ownerDown(owner: number): void {
    this.sendAll({ kind: 'ownerDown', owner });
  }

  private link(index: number, owner: number): void {
    const requests = ringBuffer(REQUEST_RING_RECORDS, REQUEST_WORDS);
    const replies = ringBuffer(REPLY_RING_RECORDS, REPLY_WORDS);
    const channel = index === owner ? null : new MessageChannel();
    const [here, there] = channel === null ? [null, null] : [channel.port1, channel.port2];
    const rings = { requests, replies };
    // The owner's end first: within one thread messages keep their order, and there it must be there when claims come.
    const toOwner: LinkMessage = { kind: 'ingress', ingress: index + 1, ...rings, port: there };
    this.options.toOwner(owner, toOwner, there === null ? [] : [there]);
    this.send(index, { kind: 'ownerUp', owner, ...rings, port: here }, here === null ? [] : [here]);
  }

  // ------------------------------------------------------------ templates

  templateChanged(view: TemplateView): void {
    const replica = replicaOf(view);
    this.sendAll({ kind: 'template', replica });
  }

  actorChanged(shares: ActorShares): void {
    this.sendAll({ kind: 'actor', shares });
  }

  segmentChanged(message: ToIngress & { kind: 'segment' }): void {
    this.sendAll(message);
  }

  private tellAllOf(index: number, view: TemplateView): void {
    this.send(index, { kind: 'template', replica: replicaOf(view) });
    for (const partition of view.actors.keys()) {
      const shares = sharesOf(view, partition);
      if (shares !== null) this.send(index, { kind: 'actor', shares });
    }
  }

  confirm(index: number, change: number): void {
    this.send(index, { kind: 'confirm', change });
  }

  // ------------------------------------------------------------ figures, and the way down

  receive(index: number, message: FromIngress): void {
    const { logger, setup, onConfirmed } = this.options;
    switch (message.kind) {
      case 'confirmed':
        onConfirmed(index, message.change);
        break;
      case 'told':
        this.answered(index, message.question);
        break;
      case 'took':
        for (const seconds of message.seconds) setup.onTook(seconds);
        break;
      case 'warning':
        logger.warn(message.message);
        break;
      case 'fault':
        logger.error({ ...message.fields, err: message.error }, message.message);
        break;
    }
  }

  /** Resolves when `figures` are those of now. */
  async refresh(): Promise<void> {
    const waiting = new Set([...this.up.keys()].filter((index) => this.isUp(index)));
    if (waiting.size === 0) return;
    const question = ++this.lastQuestion;
    await new Promise<void>((resolve) => {
      this.questions.set(question, { waiting, resolve });
      setTimeout(() => {
        if (this.questions.delete(question)) resolve();
      }, REFRESH_MS).unref();
      for (const index of [...waiting]) this.send(index, { kind: 'tellFigures', question });
    });
  }

  /** As of a quarter of a second ago at most. */
  figures(): IngressFigures {
    const sum = Float64Array.from(this.before);
    for (const reader of this.figureReaders) {
      if (reader === null) continue;
      const numbers = reader.read();
      for (let i = 0; i < sum.length; i++) sum[i] += numbers[i];
    }
    return {
      answers: sum.subarray(IngressFigure.answers, IngressFigure.answeredHere),
      answeredHere: sum[IngressFigure.answeredHere],
      inFlight: sum[IngressFigure.inFlight],
      relayed: sum[IngressFigure.relayed],
      live: sum[IngressFigure.live],
    };
  }

  /** No new claims, and no new connections. */
  drain(): void {
    this.isDraining = true;
    for (const one of this.up) if (one !== null) this.options.setup.acceptor.remove(one.descriptor);
    this.sendAll({ kind: 'drain' });
  }

  closeLive(): void {
    this.sendAll({ kind: 'closeLive' });
  }

  private answered(index: number, question: number): void {
    const asked = this.questions.get(question);
    if (asked === undefined || !asked.waiting.delete(index) || asked.waiting.size > 0) return;
    this.questions.delete(question);
    asked.resolve();
  }

  private sendAll(message: ToIngress): void {
    for (let index = 0; index < this.up.length; index++) this.send(index, message);
  }

  private send(index: number, message: ToIngress, transfer: readonly MessagePort[] = []): void {
    this.up[index]?.thread.send(message, transfer);
  }
}
