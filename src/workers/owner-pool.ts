/**
 * Keeps the owners alive, each in a thread of its own. When a life ends without being asked to, whoever listens is told at
 * once, and the next life starts after a pause that grows while lives stay short: in the same thread, or in a new one if
 * the thread ended. Each life gets new rings and a new log, so nothing of the last one can reach it.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { ActorShares } from '../actors/shares.ts';
import type { FromIngress, IngressData } from '../ingress/ingress-messages.ts';
import { REPLY_RING_RECORDS, REQUEST_RING_RECORDS } from '../limits.ts';
import type { Logger } from '../logger.ts';
import { LOG_POSITION_BYTES, OWNER_FIGURES, REPLY_WORDS, REQUEST_WORDS } from '../rings/layout.ts';
import type { OwnerLink } from '../rings/owner-link.ts';
import { RingConsumer, RingProducer, ringBuffer } from '../rings/ring.ts';
import { NumbersReader, sharedNumbers } from '../rings/shared-numbers.ts';
import {
  DOORBELL,
  type FromOwner,
  type OwnedTemplate,
  type OwnerClusterTask,
  type OwnerTask,
  type ToOwner,
} from './owner-messages.ts';
import { OwnerThread } from './owner-thread.ts';
import { errorOf } from './thread-failure.ts';

const RESTART_MS_MIN = 100;
const RESTART_MS_MAX = 5_000;
/** A life this long ends the growing of the pause. */
const HEALTHY_MS = 10_000;
/** A rebuild may take as long as it gets on: after so long without progress it hangs. */
const PROGRESS_MS = 120_000;
/** Between two words of a rebuild that takes long. */
const TELL_MS = 5_000;

/** One life of an owner; main's own end of the rings to it. */
export interface OwnerLife extends OwnerLink {
  readonly logId: number;
  readonly port: MessagePort;
  readonly positions: SharedArrayBuffer;
}

/** What a new life needs that only the engine knows. */
export interface LifePlan {
  readonly logId: number;
  readonly templates: readonly OwnedTemplate[];
  readonly logs: readonly number[];
  readonly store: MessagePort;
  readonly cluster: OwnerClusterTask | null;
}

export interface OwnerEvents {
  /** Called for each life before it starts; the templates it names are complete as of now. */
  plan(index: number, first: boolean): LifePlan;
  sealed(index: number, logId: number, end: number): void;
  ready(
    life: OwnerLife,
    actors: readonly ActorShares[],
    stored: readonly [number, number][],
    first: boolean,
  ): void;
  down(index: number, first: boolean, error: Error): void;
  stopped(logId: number, end: number): void;
  /** The life is over, whatever ended it. */
  ended(index: number): void;
  message(index: number, message: Exclude<FromOwner, number>): void;
  /** Replies wait in the ring of this life. */
  doorbell(life: OwnerLife): void;
  /** The process cannot go on. */
  fatal(error: Error): void;
  /** What the thread's ingress begins with; null: it has none. `isRestart`: a thread before it has served. */
  ingressData(
    index: number,
    isRestart: boolean,
  ): { readonly data: IngressData; readonly transfer: readonly MessagePort[] } | null;
  /** The thread can be given connections. */
  threadUp(index: number, thread: OwnerThread, descriptor: unknown): void;
  fromIngress(index: number, message: FromIngress): void;
  /** The thread must not be given connections any more: `threadDown` follows. */
  threadLeaving(index: number): void;
  threadDown(index: number): void;
}

export interface OwnerPoolOptions {
  readonly owners: number;
  readonly logRoot: string;
  readonly logSync: 'always' | 'os';
  readonly segmentBytesMax: number;
  readonly faults: string | null;
  readonly flushSignal: SharedArrayBuffer;
  readonly logger: Logger;
}

export class OwnerPool {
  /** By owner; as of a quarter of a second ago at most. */
  readonly figures: readonly NumbersReader[];
  private readonly figureBuffers: readonly SharedArrayBuffer[];
  private readonly options: OwnerPoolOptions;
  private readonly events: OwnerEvents;
  private readonly threads: (OwnerThread | null)[];
  private readonly lives: (OwnerLife | null)[];
  /** Ports of lives that still rebuild: changes must reach them too. */
  private readonly rebuilding: (MessagePort | null)[];
  private readonly runs: (Promise<void> | null)[];
  /** By owner: ends the life that its thread was running. */
  private readonly onThreadExit: (((error: Error) => void) | null)[];
  /** Logs of earlier lives in this process, per owner, for its next rebuild; the last may be unsealed. */
  private readonly unsealed: (number | null)[];
  private readonly pauses: number[];
  /** Claims that each owner's rebuild has taken in so far. */
  readonly rebuilt: number[];
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly haveBeenUp = new Set<number>();
  private onAllUp: () => void = () => {};
  private readonly up = new Promise<void>((resolve) => {
    this.onAllUp = resolve;
  });
  private stopping = false;
  restarts = 0;

  constructor(options: OwnerPoolOptions, events: OwnerEvents) {
    this.options = options;
    this.events = events;
    const { owners } = options;
    this.figureBuffers = Array.from({ length: owners }, () => sharedNumbers(OWNER_FIGURES));
    this.figures = this.figureBuffers.map((buffer) => new NumbersReader(buffer, OWNER_FIGURES));
    this.threads = new Array<OwnerThread | null>(owners).fill(null);
    this.lives = new Array<OwnerLife | null>(owners).fill(null);
    this.rebuilding = new Array<MessagePort | null>(owners).fill(null);
    this.onThreadExit = new Array<((error: Error) => void) | null>(owners).fill(null);
    this.runs = new Array<Promise<void> | null>(owners).fill(null);
    this.unsealed = new Array<number | null>(owners).fill(null);
    this.rebuilt = new Array<number>(owners).fill(0);
    this.pauses = new Array<number>(owners).fill(RESTART_MS_MIN);
  }

  /** The life that serves now, or null while the owner is down. */
  life(index: number): OwnerLife | null {
    return this.lives[index];
  }

  /** Not before: Node aborts a process that ends while one of its threads is loading modules. */
  start(): void {
    for (let index = 0; index < this.options.owners; index++) this.startLife(index, true);
  }

  /** Resolves when every thread could be given connections. */
  allUp(): Promise<void> {
    return this.up;
  }

  send(index: number, message: ToOwner, transfer: readonly MessagePort[] = []): void {
    (this.lives[index]?.port ?? this.rebuilding[index])?.postMessage(message, transfer as MessagePort[]);
  }

  sendAll(message: ToOwner): void {
    for (let index = 0; index < this.options.owners; index++) this.send(index, message);
  }

  /** Asks every owner to finish what it has. Resolves when all lives are over; their threads go on. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.sendAll({ kind: 'stop' });
    await Promise.allSettled(this.runs.filter((run) => run !== null));
  }

  /** Ends the threads, which get no connections any more. Whatever lives there is cut off. */
  async end(): Promise<void> {
    this.stopping = true;
    for (const timer of this.timers) clearTimeout(timer);
    for (const [index, thread] of this.threads.entries())
      if (thread !== null) this.events.threadLeaving(index);
    await Promise.all(this.threads.map((thread) => thread?.close()));
  }

  private startThread(index: number): OwnerThread {
    const ingress = this.events.ingressData(index, this.haveBeenUp.has(index));
    const thread = new OwnerThread({ ingress: ingress?.data ?? null }, ingress?.transfer ?? [], {
      up: (descriptor) => {
        this.haveBeenUp.add(index);
        this.events.threadUp(index, thread, descriptor);
        if (this.haveBeenUp.size === this.options.owners) this.onAllUp();
      },
      message: (message) => this.events.fromIngress(index, message),
      leaving: () => {
        this.events.threadLeaving(index);
        void thread.close();
      },
      exit: (error, wasAsked) => {
        this.threads[index] = null;
        this.events.threadDown(index);
        if (!wasAsked && !this.haveBeenUp.has(index)) this.events.fatal(error);
        if (!wasAsked && !this.stopping)
          this.options.logger.error({ err: error, owner: index }, 'the thread of an owner failed');
        this.onThreadExit[index]?.(error);
      },
    });
    this.threads[index] = thread;
    return thread;
  }

  private startLife(index: number, first: boolean): void {
    const { options } = this;
    const plan = this.events.plan(index, first);
    const channel = new MessageChannel();
    const requests = ringBuffer(REQUEST_RING_RECORDS, REQUEST_WORDS);
    const replies = ringBuffer(REPLY_RING_RECORDS, REPLY_WORDS);
    const positions = new SharedArrayBuffer(LOG_POSITION_BYTES);
    const life: OwnerLife = {
      index,
      logId: plan.logId,
      port: channel.port1,
      ring: () => channel.port1.postMessage(DOORBELL),
      requests: new RingProducer(requests, REQUEST_WORDS),
      replies: new RingConsumer(replies, REPLY_WORDS),
      positions,
    };
    const task: OwnerTask = {
      index,
      owners: options.owners,
      port: channel.port2,
      store: plan.store,
      requests,
      replies,
      figures: this.figureBuffers[index],
      positions,
      flushSignal: options.flushSignal,
      logRoot: options.logRoot,
      logId: plan.logId,
      logSync: options.logSync,
      segmentBytesMax: options.segmentBytesMax,
      faults: options.faults,
      templates: plan.templates,
      logs: plan.logs,
      seal: this.unsealed[index],
      first,
      cluster: plan.cluster,
    };
    const startedMs = Date.now();
    let toldMs = startedMs;
    this.rebuilt[index] = 0;
    let ended = false;
    let over: (error: Error | null) => void = () => {};
    let timer = this.hangs(index);
    channel.port1.on('message', (message: FromOwner) => {
      if (ended) return;
      if (message === 0) {
        this.events.doorbell(life);
        return;
      }
      switch (message.kind) {
        case 'sealed':
          this.unsealed[index] = null;
          this.events.sealed(index, message.logId, message.end);
          break;
        case 'progress':
          this.forget(timer);
          timer = this.hangs(index);
          this.rebuilt[index] = message.claims;
          if (Date.now() - toldMs >= TELL_MS) {
            toldMs = Date.now();
            options.logger.info(
              { owner: index, claims: message.claims },
              'an owner puts its memory together',
            );
          }
          break;
        case 'ready':
          this.forget(timer);
          this.rebuilding[index] = null;
          this.lives[index] = life;
          options.logger.info(
            { owner: index, claims: message.claims, tookMs: Math.round(message.tookMs) },
            'owner ready',
          );
          this.events.ready(life, message.actors, message.stored, first);
          break;
        case 'stopped':
          this.events.stopped(message.logId, message.end);
          over(null);
          break;
        case 'failed':
          over(errorOf(message.failure));
          break;
        default:
          this.events.message(index, message);
      }
    });
    this.rebuilding[index] = channel.port1;
    this.runs[index] = new Promise<void>((resolve) => {
      over = (error) => {
        if (ended) return;
        ended = true;
        channel.port1.close();
        this.forget(timer);
        this.lives[index] = null;
        this.rebuilding[index] = null;
        // The log of a life that failed before it could seal its predecessor's is empty: the older one still waits.
        if (error !== null) this.unsealed[index] ??= plan.logId;
        this.events.ended(index);
        if (error !== null) this.events.down(index, first, error);
        resolve();
        if (error !== null && !this.stopping) this.restart(index, startedMs);
      };
    });
    this.onThreadExit[index] = over;
    const thread = this.threads[index] ?? this.startThread(index);
    thread.run(task, [channel.port2, plan.store]);
  }

  private restart(index: number, startedMs: number): void {
    this.restarts++;
    if (Date.now() - startedMs > HEALTHY_MS) this.pauses[index] = RESTART_MS_MIN;
    const pauseMs = this.pauses[index] * (0.75 + Math.random() / 2);
    this.pauses[index] = Math.min(this.pauses[index] * 2, RESTART_MS_MAX);
    this.later(pauseMs, () => this.startLife(index, false));
  }

  /** Whoever has hung for so long would hang for ever, and the thread cannot be ended from outside. */
  private hangs(index: number): NodeJS.Timeout {
    return this.later(PROGRESS_MS, () =>
      this.events.fatal(new Error(`owner ${index} has made no progress for ${PROGRESS_MS} ms`)),
    );
  }

  private forget(timer: NodeJS.Timeout): void {
    clearTimeout(timer);
    this.timers.delete(timer);
  }

  private later(delayMs: number, body: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      body();
    }, delayMs);
    this.timers.add(timer);
    return timer;
  }
}
