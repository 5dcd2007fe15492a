/**
 * The cluster thread as main sees it: which shards are open under which seats, what owners met there, how far the
 * streams are followed and stored. It relays; what a shard's fate is the thread decides (src/cluster/).
 */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { ClusterState } from '../../cluster/cluster-state.ts';
import type { Trouble } from '../../cluster/troubles.ts';
import type { CodeExtent } from '../../domain/template.ts';
import type { Logger } from '../../logger.ts';
import { SHARDS, type ShardSeat } from '../../ports-ledger.ts';
import type { ClusterData, FromCluster, ToCluster } from '../../workers/cluster-messages.ts';
import { entryUrl } from '../../workers/entry-url.ts';
import type { FromOwner, ToOwner } from '../../workers/owner-messages.ts';
import { type StreamPlace, StreamPlaces } from '../../workers/stream-places.ts';
import { ThreadCpu } from '../../workers/thread-cpu.ts';
import type { ClaimSink, LiveLog } from '../claim-sink.ts';
import type { ShardSeats } from '../shard-seats.ts';
import { LogCheckpoints, type StreamPosition } from './log-checkpoints.ts';
import { OwnerRounds } from './owner-rounds.ts';

const APPLIED_MS = 250;

export interface ClusterLinkOptions {
  readonly data: Omit<ClusterData, 'store' | 'cpu' | 'oldLogs'>;
  readonly owners: number;
  readonly segmentKeepMs: number;
  readonly seats: ShardSeats;
  readonly connectStore: (port: MessagePort) => void;
  readonly tellOwner: (index: number, message: ToOwner) => void;
  /** The shard's units in this node are nobody's any more. */
  readonly onClosed: (shard: number) => void;
  readonly onOpen: (shard: number) => void;
  readonly onFlushed: (counts: readonly (readonly [number, number])[]) => void;
  readonly onCatalogBehind: () => void;
  readonly onFatal: (error: Error) => void;
  readonly logger: Logger;
}

export class ClusterLink implements ClaimSink {
  readonly cpu = new ThreadCpu();
  readonly stuck = new Map<string, string>();
  /** By owner. */
  readonly places: readonly StreamPlaces[];
  state: ClusterState | null = null;
  /** Lives of owners begun so far. */
  lives = 0;
  private readonly options: ClusterLinkOptions;
  private readonly suspending: OwnerRounds;
  private readonly taking: OwnerRounds;
  private readonly checkpoints: LogCheckpoints;
  private readonly logs = new Map<number, SharedArrayBuffer>();
  private readonly stored: { incarnation: number; position: number }[];
  /** By shard, how far local logs may go in the stream of the incarnation that was open last, also when none is now. */
  private readonly reached: StreamPosition[];
  private readonly oldLogs: { logId: number; end: number }[] = [];
  /** By owner and shard: the epoch of the seat under which its present life is open. */
  private readonly opened: number[][];
  /** By owner: its present life is still putting its memory together. */
  private readonly rebuilding: boolean[];
  /** By owner, shards whose taking in its present life does by reading the store. */
  private readonly takenAtStart: number[][];
  private worker: Worker | null = null;
  private ticker: NodeJS.Timeout | null = null;
  private onStopped: () => void = () => {};

  constructor(options: ClusterLinkOptions) {
    this.options = options;
    const { owners } = options;
    this.places = Array.from({ length: owners }, () => new StreamPlaces());
    this.stored = Array.from({ length: SHARDS }, () => ({ incarnation: 0, position: 0 }));
    this.reached = Array.from({ length: SHARDS }, (_, shard) => ({ shard, incarnation: 0, position: 0 }));
    this.opened = Array.from({ length: owners }, () => []);
    this.rebuilding = Array.from({ length: owners }, () => true);
    this.takenAtStart = Array.from({ length: owners }, () => []);
    this.suspending = new OwnerRounds(owners, (shard) => this.send({ kind: 'quiesced', shard }));
    this.taking = new OwnerRounds(owners, (shard) => this.send({ kind: 'tookIn', shard }));
    this.checkpoints = new LogCheckpoints(options.data.logRoot, options.segmentKeepMs, (logId) =>
      this.send({ kind: 'logRemoved', logId }),
    );
  }

  /** Starts the thread; resolves once this node is registered. Shards open one after the other from then on. */
  start(): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    this.options.connectStore(port2);
    const workerData: ClusterData = {
      ...this.options.data,
      oldLogs: this.oldLogs,
      cpu: this.cpu.buffer,
      store: port1,
    };
    const worker = new Worker(entryUrl('cluster'), {
      workerData,
      transferList: [port1],
    });
    this.worker = worker;
    for (const [logId, positions] of this.logs) this.send({ kind: 'log', logId, positions });
    this.ticker = setInterval(() => this.tick(), APPLIED_MS);
    return new Promise((resolve) => {
      worker.on('message', (message: FromCluster) => {
        if (message.kind === 'ready') resolve();
        else this.take(message);
      });
      // Without it no seat is kept: the others take this node for dead, so it must be.
      worker.on('error', (error) => this.options.onFatal(error));
      worker.on('exit', () => this.onStopped());
    });
  }

  get delayed(): boolean {
    return (this.state?.storeAwaySinceMs ?? null) !== null;
  }

  /** For /readyz: what is not open, and why. */
  closedShards(): Record<string, string> {
    const closed: Record<string, string> = {};
    if (this.state === null) return { cluster: 'not joined yet' };
    for (const { shard, phase, why, waitingFor, stuck, ledgerAway } of this.state.shards) {
      const waits = waitingFor.length > 0 ? `; waiting for the logs of ${waitingFor.join(', ')}` : '';
      if (phase !== 'open') closed[`shard-${shard}`] = `${phase}: ${why ?? 'no reason known'}${waits}`;
      else if (stuck !== null) closed[`shard-${shard}`] = stuck;
      else if (ledgerAway !== null)
        closed[`shard-${shard}`] = `Redis cannot be asked about it: ${ledgerAway}`;
    }
    return closed;
  }

  /** Claims known here that the record store does not have yet. */
  get lag(): number {
    let lag = 0;
    for (const { shard, incarnation } of this.options.seats.all()) {
      const stored = this.stored[shard];
      const position = stored.incarnation === incarnation ? stored.position : 0;
      lag += Math.max(0, this.followedTo(shard) - position);
    }
    return lag;
  }

  /** Every claim of the template that is known here is in the record store. */
  isStored(templateId: number): boolean {
    const seat = this.options.seats.of(templateId);
    if (seat === null) return false;
    const { incarnation, position } = this.stored[seat.shard];
    return (
      !this.rebuilding.includes(true) &&
      incarnation === seat.incarnation &&
      // Claims made here are known before they come back by the stream.
      this.placesOf(seat.shard, incarnation).every(
        ({ followed, known }) => position >= Math.max(followed, known),
      )
    );
  }

  /** All owners have the stream of this shard's last incarnation up to here, for everybody in this process to see. */
  followedTo(shard: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (let owner = 0; owner < this.places.length; owner++)
      least = Math.min(least, this.followedBy(owner, shard));
    return Math.max(0, least);
  }

  /** The same of one owner; -1 while it is starting. */
  followedBy(owner: number, shard: number): number {
    // What a beginning life has followed shows once it is ready; till then there are the tables of its last life.
    if (this.rebuilding[owner]) return -1;
    const { incarnation, followed } = this.places[owner].of(shard);
    return incarnation === this.reached[shard].incarnation ? followed : 0;
  }

  /** Of the owners that follow this incarnation. */
  private placesOf(shard: number, incarnation: number): StreamPlace[] {
    return this.places.map((owner) => owner.of(shard)).filter((place) => place.incarnation === incarnation);
  }

  // ------------------------------------------------------------ logs

  follow(logId: number, positions: SharedArrayBuffer): void {
    this.logs.set(logId, positions);
    this.checkpoints.live(logId, positions);
    this.send({ kind: 'log', logId, positions });
  }

  ended(logId: number, end: number): void {
    this.logs.delete(logId);
    if (this.worker === null) this.oldLogs.push({ logId, end });
    else {
      this.checkpoints.ended(logId, end);
      this.send({ kind: 'logEnded', logId, end });
    }
  }

  liveLogs(): LiveLog[] {
    return [...this.logs].map(([logId, positions]) => ({ logId, positions }));
  }

  /** Streams are stored as soon as somebody's duty is done; there is no pace to be hurried. */
  hurry(): void {}

  extent(extent: CodeExtent): void {
    this.send({ kind: 'extent', extent });
  }

  // ------------------------------------------------------------ owners

  ownerReady(owner: number, first: boolean): void {
    this.rebuilding[owner] = false;
    // What its last life claimed where it could not look cannot be told from what it left unsold: a new seat decides.
    for (const seat of first ? [] : this.options.seats.all()) {
      if (this.opened[owner][seat.shard] !== seat.epoch) this.fenced(seat);
    }
    for (const shard of this.takenAtStart[owner]) this.taking.done(owner, shard);
    this.takenAtStart[owner] = [];
  }

  ownerStarts(owner: number): void {
    this.noteReached();
    this.opened[owner] = [];
    this.rebuilding[owner] = true;
    this.lives++;
    // It begins without a seat in what is being left, and will have read from the store what is being taken in. What is
    // asked of it from now on it answers itself.
    this.suspending.ownerDone(owner);
    this.takenAtStart[owner] = this.taking.missedBy(owner);
    // It reads the record store from here on: of what is not there yet, its last life was the only one to know.
    this.send({ kind: 'ownerStarts', stored: this.stored.map((one) => ({ ...one })) });
  }

  fromOwner(owner: number, message: FromOwner): void {
    if (typeof message === 'number') return;
    const { seats } = this.options;
    switch (message.kind) {
      case 'quiesced':
        this.suspending.done(owner, message.shard);
        break;
      case 'tookIn':
        this.taking.done(owner, message.shard);
        break;
      case 'shardOpened':
        this.opened[owner][message.shard] = message.epoch;
        break;
      case 'shardRefused': {
        const seat = seats.get(message.shard);
        if (seat === null || seat.epoch !== message.epoch || seat.incarnation !== message.incarnation) return;
        if (message.why === 'lost') this.lost(seat, message.detail);
        else this.fenced(seat);
        break;
      }
      case 'catalogBehind':
        this.options.onCatalogBehind();
        break;
      case 'trouble':
        this.options.logger.warn({ owner, ...aboutTrouble(message.trouble) }, message.trouble.what);
        break;
      case 'shardCutOff':
        this.send({ kind: 'cutOff', shard: message.shard, incarnation: message.incarnation });
        break;
    }
  }

  lost({ shard, incarnation }: ShardSeat, detail: string): void {
    this.send({ kind: 'lost', shard, incarnation, detail });
  }

  fenced({ shard, epoch }: ShardSeat): void {
    this.send({ kind: 'fenced', shard, epoch });
  }

  stop(patienceMs: number): Promise<void> {
    if (this.ticker !== null) clearInterval(this.ticker);
    return new Promise((resolve) => {
      if (this.worker === null) {
        resolve();
        return;
      }
      this.tick();
      const timer = setTimeout(() => {
        this.options.logger.warn('not everything was flushed in time; streams and logs keep it');
        void this.worker?.terminate().then(() => resolve());
      }, patienceMs + 2_000);
      this.onStopped = () => {
        clearTimeout(timer);
        resolve();
      };
      this.send({ kind: 'stop', patienceMs });
    });
  }

  private take(message: Exclude<FromCluster, { kind: 'ready' }>): void {
    const { seats, logger } = this.options;
    switch (message.kind) {
      case 'suspend': {
        const { shard, reason } = message;
        if (seats.get(shard) !== null) logger.warn({ shard, reason }, 'a shard is left');
        seats.close(shard);
        this.options.onClosed(shard);
        this.suspending.begin(shard);
        this.tellOwners(() => ({ kind: 'shardSuspend', shard }));
        break;
      }
      case 'takeIn':
        this.taking.begin(message.shard);
        this.tellOwners(() => ({ kind: 'takeIn', shard: message.shard, entries: message.entries }));
        break;
      case 'open':
        this.noteReached();
        seats.open(message.seat);
        this.open(message.seat);
        // A life that is just beginning knows what the store had at its start, whatever was brought to the others.
        this.tellOwners((owner) => ({
          kind: 'shardOpen',
          seat: message.seat,
          follow: this.rebuilding[owner] ? null : message.follow,
        }));
        this.options.onOpen(message.seat.shard);
        break;
      case 'watermark':
        this.stored[message.shard] = message;
        if (message.counts !== null) this.options.onFlushed(message.counts);
        break;
      case 'state':
        this.state = message.state;
        break;
      case 'trouble':
        logger.warn({ thread: 'cluster', ...aboutTrouble(message.trouble) }, message.trouble.what);
        break;
      case 'oldLogsStored':
        for (const logId of message.logIds) this.checkpoints.remove(logId);
        break;
      case 'fatal':
        this.options.onFatal(new Error(message.detail));
        break;
      case 'stopped':
        logger.info({ settled: message.settled }, 'left the cluster');
        break;
    }
  }

  private tellOwners(message: (owner: number) => ToOwner): void {
    for (let owner = 0; owner < this.options.owners; owner++) this.options.tellOwner(owner, message(owner));
  }

  private tick(): void {
    for (const { shard, incarnation } of this.options.seats.all()) {
      this.send({ kind: 'applied', shard, incarnation, position: this.followedTo(shard) });
    }
    const reached = (): StreamPosition[] => {
      this.noteReached();
      return this.reached.filter(({ incarnation }) => incarnation > 0);
    };
    this.checkpoints.tick(reached, this.stored, Date.now());
  }

  /** A later incarnation begins with all of the earlier ones stored: what logs have of those is not needed any more. */
  private open({ shard, incarnation }: ShardSeat): void {
    if (incarnation > this.reached[shard].incarnation)
      this.reached[shard] = { shard, incarnation, position: 0 };
  }

  /** Whatever stands in a local log was followed, or stood before the head its owner was told with it. */
  private noteReached(): void {
    for (const one of this.reached) {
      const { shard, incarnation, position } = one;
      const heads = this.placesOf(shard, incarnation).map(({ known }) => known);
      this.reached[shard] = { ...one, position: Math.max(position, ...heads) };
    }
  }

  private send(message: ToCluster): void {
    this.worker?.postMessage(message);
  }
}

function aboutTrouble({ detail, times }: Trouble): object {
  return { detail, times };
}
