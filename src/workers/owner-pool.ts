/**
 * Starts the owner threads and keeps them alive: one Piscina task is one life of one owner. When a life ends without
 * being asked to, whoever listens is told at once, and the next life starts after a pause that grows while lives stay
 * short. Each life gets new rings and a new log, so nothing of the last one can reach it.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { REPLY_RING_RECORDS, REQUEST_RING_RECORDS } from '../limits.ts';
import type { Logger } from '../logger.ts';
import { LOG_POSITION_BYTES, OWNER_FIGURES, REPLY_WORDS, REQUEST_WORDS } from '../rings/layout.ts';
import { RingConsumer, RingProducer, ringBuffer } from '../rings/ring.ts';
import { NumbersReader, sharedNumbers } from '../rings/shared-numbers.ts';
import { entryUrl } from './entry-url.ts';
import type {
  ActorShares,
  FromOwner,
  OwnedTemplate,
  OwnerClusterTask,
  OwnerTask,
  ToOwner,
} from './owner-messages.ts';

const RESTART_MS_MIN = 100;
const RESTART_MS_MAX = 5_000;
/** A life this long ends the growing of the pause. */
const HEALTHY_MS = 10_000;
/** An import error in the worker would leave its task pending for ever; so would a rebuild that hangs. */
const READY_TIMEOUT_MS = 120_000;

export interface OwnerLife {
  readonly index: number;
  readonly logId: number;
  readonly port: MessagePort;
  readonly requests: RingProducer;
  readonly replies: RingConsumer;
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
  private pool: Piscina | null = null;
  private readonly lives: (OwnerLife | null)[];
  /** Ports of lives that still rebuild: changes must reach them too. */
  private readonly rebuilding: (MessagePort | null)[];
  private readonly runs: (Promise<void> | null)[];
  /** Logs of earlier lives in this process, per owner, for its next rebuild; the last may be unsealed. */
  private readonly unsealed: (number | null)[];
  private readonly pauses: number[];
  private readonly timers = new Set<NodeJS.Timeout>();
  private stopping = false;
  restarts = 0;

  constructor(options: OwnerPoolOptions, events: OwnerEvents) {
    this.options = options;
    this.events = events;
    const { owners } = options;
    this.figureBuffers = Array.from({ length: owners }, () => sharedNumbers(OWNER_FIGURES));
    this.figures = this.figureBuffers.map((buffer) => new NumbersReader(buffer, OWNER_FIGURES));
    this.lives = new Array<OwnerLife | null>(owners).fill(null);
    this.rebuilding = new Array<MessagePort | null>(owners).fill(null);
    this.runs = new Array<Promise<void> | null>(owners).fill(null);
    this.unsealed = new Array<number | null>(owners).fill(null);
    this.pauses = new Array<number>(owners).fill(RESTART_MS_MIN);
  }

  /** The life that serves now, or null while the owner is down. */
  life(index: number): OwnerLife | null {
    return this.lives[index];
  }

  /** Not before: Node aborts a process that ends while one of its threads is loading modules. */
  start(): void {
    const { owners } = this.options;
    this.pool = new Piscina({
      filename: entryUrl('owner').href,
      minThreads: owners,
      maxThreads: owners,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      atomics: 'disabled',
    });
    for (let index = 0; index < this.options.owners; index++) this.startLife(index, true);
  }

  send(index: number, message: ToOwner): void {
    (this.lives[index]?.port ?? this.rebuilding[index])?.postMessage(message);
  }

  sendAll(message: ToOwner): void {
    for (let index = 0; index < this.options.owners; index++) this.send(index, message);
  }

  /** Asks every owner to finish what it has, and ends the threads. Resolves when all are gone. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.sendAll({ kind: 'stop' });
    await Promise.allSettled(this.runs.filter((run) => run !== null));
    await this.pool?.destroy();
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
    const patience = new AbortController();
    const timer = this.later(READY_TIMEOUT_MS, () => patience.abort());
    let ended = false;
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
        case 'ready':
          clearTimeout(timer);
          this.timers.delete(timer);
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
          break;
        default:
          this.events.message(index, message);
      }
    });
    this.rebuilding[index] = channel.port1;
    const run = this.pool!.run(task, {
      transferList: [channel.port2, plan.store] as never,
      signal: patience.signal,
    }) as Promise<void>;
    this.runs[index] = run.then(
      () => {
        ended = true;
        channel.port1.close();
        this.lives[index] = null;
        this.events.ended(index);
      },
      (error: Error) => {
        ended = true;
        channel.port1.close();
        clearTimeout(timer);
        this.lives[index] = null;
        this.rebuilding[index] = null;
        // The log of a life that failed before it could seal its predecessor's is empty: the older one still waits.
        this.unsealed[index] ??= plan.logId;
        this.events.ended(index);
        this.events.down(index, first, error);
        if (!this.stopping) this.restart(index, startedMs);
      },
    );
  }

  private restart(index: number, startedMs: number): void {
    this.restarts++;
    if (Date.now() - startedMs > HEALTHY_MS) this.pauses[index] = RESTART_MS_MIN;
    const pauseMs = this.pauses[index] * (0.75 + Math.random() / 2);
    this.pauses[index] = Math.min(this.pauses[index] * 2, RESTART_MS_MAX);
    this.later(pauseMs, () => this.startLife(index, false));
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
