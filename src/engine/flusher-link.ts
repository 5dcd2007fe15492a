/** The flusher thread as main sees it: which logs it follows, how far it is, and a new one when it dies. */
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import type { CodeExtent } from '../domain/template.ts';
import type { Logger } from '../logger.ts';
import { entryUrl } from '../workers/entry-url.ts';
import type { FlusherData, FromFlusher, ToFlusher } from '../workers/flusher-messages.ts';
import { ThreadCpu } from '../workers/thread-cpu.ts';
import type { ClaimSink, LiveLog } from './claim-sink.ts';

const RESTART_MS = 1_000;

interface FollowedLog {
  watermark: number;
  positions: SharedArrayBuffer | null;
  end: number | null;
}

export interface FlusherLinkOptions {
  readonly logRoot: string;
  readonly codeKey: Uint8Array;
  readonly segmentKeepMs: number;
  /** Claims that may wait to be stored before haste is made. */
  readonly waitingMax: number;
  readonly signal: SharedArrayBuffer;
  readonly connectStore: (port: MessagePort) => void;
  readonly extents: () => CodeExtent[];
  readonly onFlushed: (counts: readonly [number, number][]) => void;
  readonly logger: Logger;
}

export class FlusherLink implements ClaimSink {
  readonly cpu = new ThreadCpu();
  /** Logs that can't be flushed until an operator looks, with the reason. */
  readonly stuck = new Map<number, string>();
  /** True while the store does not take claims. */
  delayed = false;
  private readonly options: FlusherLinkOptions;
  private readonly logs = new Map<number, FollowedLog>();
  private worker: Worker | null = null;
  private stopping = false;
  private onStopped: () => void = () => {};

  constructor(options: FlusherLinkOptions) {
    this.options = options;
  }

  start(): void {
    const { port1, port2 } = new MessageChannel();
    this.options.connectStore(port2);
    const workerData: FlusherData = {
      logRoot: this.options.logRoot,
      codeKey: this.options.codeKey,
      extents: this.options.extents(),
      segmentKeepMs: this.options.segmentKeepMs,
      waitingMax: this.options.waitingMax,
      signal: this.options.signal,
      cpu: this.cpu.buffer,
      store: port1,
    };
    const worker = new Worker(entryUrl('flusher'), {
      workerData,
      transferList: [port1],
    });
    this.worker = worker;
    worker.on('message', (message: FromFlusher) => this.take(message));
    worker.on('error', (error) => this.options.logger.error({ err: error }, 'flusher failed'));
    worker.on('exit', () => {
      if (this.worker !== worker) return;
      this.worker = null;
      if (this.stopping) this.onStopped();
      else setTimeout(() => this.start(), RESTART_MS);
    });
    for (const [logId, log] of this.logs) this.tellOf(logId, log);
  }

  follow(logId: number, positions: SharedArrayBuffer): void {
    const log: FollowedLog = { watermark: 0, positions, end: null };
    this.logs.set(logId, log);
    this.tellOf(logId, log);
  }

  ended(logId: number, end: number, watermark: number): void {
    const log = this.logs.get(logId) ?? { watermark, positions: null, end };
    log.end = end;
    this.logs.set(logId, log);
    this.send({ kind: 'ended', logId, watermark: log.watermark, end });
  }

  liveLogs(): LiveLog[] {
    const live: LiveLog[] = [];
    for (const [logId, { positions, end }] of this.logs) {
      if (end === null && positions !== null) live.push({ logId, positions });
    }
    return live;
  }

  extent(extent: CodeExtent): void {
    this.send({ kind: 'extent', extent });
  }

  hurry(): void {
    this.send({ kind: 'hurry' });
  }

  /** Flushes what is synced and ends the thread; resolves also when it takes longer than `patienceMs`. */
  stop(patienceMs: number): Promise<void> {
    this.stopping = true;
    return new Promise((resolve) => {
      if (this.worker === null) {
        resolve();
        return;
      }
      const timer = setTimeout(() => {
        this.options.logger.warn('not everything was flushed in time; the logs keep it for the next start');
        void this.worker?.terminate().then(() => resolve());
      }, patienceMs);
      this.onStopped = () => {
        clearTimeout(timer);
        resolve();
      };
      this.send({ kind: 'stop' });
    });
  }

  private tellOf(logId: number, { watermark, positions, end }: FollowedLog): void {
    if (end !== null) this.send({ kind: 'ended', logId, watermark, end });
    else if (positions !== null) this.send({ kind: 'follow', logId, watermark, positions });
  }

  private send(message: ToFlusher): void {
    this.worker?.postMessage(message);
  }

  private take(message: FromFlusher): void {
    switch (message.kind) {
      case 'flushed': {
        this.delayed = false;
        const log = this.logs.get(message.logId);
        if (log !== undefined) log.watermark = message.watermark;
        this.options.onFlushed(message.counts);
        break;
      }
      case 'delayed':
        this.delayed = true;
        this.options.logger.warn({ detail: message.detail }, 'flushing is delayed');
        break;
      case 'stuck':
        this.stuck.set(message.logId, message.detail);
        this.options.logger.error(
          { logId: message.logId, detail: message.detail },
          'flushing of a log has stopped: run audit',
        );
        break;
      case 'ready':
      case 'stopped':
        break;
    }
  }
}
