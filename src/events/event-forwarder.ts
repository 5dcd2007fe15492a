/**
 * Passes events on to a stream, in their order, each at least once. One node at a time does it, by a lease in the record
 * store; should two do it all the same, the stream takes each batch from one of them.
 *
 * The stream itself says up to where it goes. The position in the record store is moved after the stream has confirmed,
 * and is what is left when the stream is gone: then it is filled again with about as much as it may hold.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { POSITION_START } from '../domain/event-position.ts';
import { EVENT_STREAM_BATCH, EVENT_STREAM_MAX } from '../limits.ts';
import type { EventStore, StoredEvent } from '../ports-events.ts';
import type { EventStream } from './redis-event-stream.ts';

export interface EventForwarderOptions {
  /** Of the reader, in the record store. */
  readonly name: string;
  /** This node. */
  readonly holder: string;
  readonly store: Pick<EventStore, 'read' | 'before' | 'takeReader' | 'moveReader' | 'leaveReader'>;
  readonly stream: EventStream;
  /** Told of events before the stream is, more than once perhaps. Should it reject, it is told of them again. */
  readonly hears: (events: readonly StoredEvent[]) => Promise<void>;
  /** Whether many claim right now: events are passed on behind them then, a batch now and again. */
  readonly isCrowded: () => boolean;
  /** `what` is a fixed text. It is tried again all the same. */
  readonly onTrouble: (what: string, error: unknown) => void;
  readonly pace?: Partial<ForwarderPace>;
}

export interface ForwarderPace {
  readonly leaseMs: number;
  /** Between two looks while nothing comes, and between two batches while a crowd claims. */
  readonly idleMs: number;
  /** Between two batches while there is more: it shares a thread with those who claim. */
  readonly busyMs: number;
  /** After a failure. */
  readonly retryMs: number;
  /** What waits for a transaction longer than this is told. */
  readonly heldMs: number;
}

const PACE: ForwarderPace = { leaseMs: 6_000, idleMs: 250, busyMs: 10, retryMs: 1_000, heldMs: 30_000 };

/** Where this node goes on. */
interface Place {
  readonly position: string;
  /** What the stream says it goes up to. */
  readonly streamed: string | null;
}

export class EventForwarder {
  /** Passed on by this node. */
  forwarded = 0;
  private readonly options: EventForwarderOptions;
  private readonly pace: ForwarderPace;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(options: EventForwarderOptions) {
    this.options = options;
    this.pace = { ...PACE, ...options.pace };
  }

  start(): void {
    this.running = this.run();
  }

  /** Resolves when it has ended, or after `patienceMs`: what it waits for then does no harm when it comes. */
  async stop(patienceMs: number): Promise<void> {
    this.stopping.abort();
    const late = new AbortController();
    const patience = pause(patienceMs, undefined, { signal: late.signal }).catch(() => {});
    await Promise.race([this.running, patience]);
    late.abort();
  }

  private get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  private async run(): Promise<void> {
    const { name, holder, store, onTrouble } = this.options;
    while (!this.isStopping) {
      try {
        const reader = await store.takeReader(name, holder, this.pace.leaseMs);
        if (reader === null) await this.pause(this.pace.leaseMs / 3);
        else await this.forward(reader.position);
      } catch (error) {
        onTrouble('events could not be passed on', error);
        await this.pause(this.pace.retryMs);
      }
    }
    await store.leaveReader(name, holder).catch((error: unknown) => {
      onTrouble('the task of passing events on could not be given away', error);
    });
  }

  /** Until the lease is another's, or something fails. */
  private async forward(kept: string | null): Promise<void> {
    const { name, holder, store, stream, hears, onTrouble } = this.options;
    let place = await this.begin(kept);
    let leasedMs = performance.now();
    let freeMs = leasedMs;
    while (!this.isStopping) {
      const nowMs = performance.now();
      if (nowMs - leasedMs > this.pace.leaseMs / 3) {
        if ((await store.takeReader(name, holder, this.pace.leaseMs)) === null) return;
        leasedMs = nowMs;
      }
      const page = await store.read(place.position, EVENT_STREAM_BATCH);
      if (page.events.length > 0) {
        await hears(page.events);
        // Somebody else has appended, or Redis is an older one: the stream is asked where it is.
        if (!(await stream.append(place.streamed, page.events, page.next))) return;
        this.forwarded += page.events.length;
        place = { position: page.next, streamed: page.next };
        if (!(await store.moveReader(name, holder, page.next))) return;
      } else place = { ...place, position: page.next };
      if (!page.held) freeMs = nowMs;
      else if (nowMs - freeMs > this.pace.heldMs)
        onTrouble('events wait for a transaction in the database', `for ${Math.round(nowMs - freeMs)} ms`);
      const isUrgent = page.more && !this.options.isCrowded();
      await this.pause(isUrgent ? this.pace.busyMs : this.pace.idleMs);
    }
  }

  private async begin(kept: string | null): Promise<Place> {
    const { store, stream, onTrouble } = this.options;
    const streamed = await stream.position();
    if (streamed !== null) return { position: streamed, streamed };
    if (kept === null) return { position: POSITION_START, streamed };
    onTrouble('the stream of events is empty: its last ones are put in again', `it had gone up to ${kept}`);
    return { position: await store.before(kept, EVENT_STREAM_MAX), streamed };
  }

  private async pause(ms: number): Promise<void> {
    // Cut short by the stop.
    await pause(ms, undefined, { signal: this.stopping.signal }).catch(() => {});
  }
}
