/**
 * Keeps a node's catalog and engine in step with what other nodes store. Looking at the store at short intervals is
 * the rule; a notice of another node (`nudge`) only makes it sooner, so a lost one costs time and nothing else.
 *
 * What this node stored itself comes back too: by its version, or its first serial, it is known to be no news.
 */
import type { CodeExtent } from '../domain/template.ts';
import type { CatalogChanges } from '../ports-cluster.ts';
import { oweStored } from './activity-saving.ts';
import type { Catalog } from './catalog.ts';

export const FOLLOW_INTERVAL_MS = 500;
/** Intervals differ by so much, so that nodes started together do not ask together. */
const JITTER = 0.2;
/** Lets notices of one burst of saves gather. */
const NUDGE_MS = 10;
const BACKOFF_MS_MAX = 5_000;

export interface CatalogFollowerOptions {
  readonly catalog: Catalog;
  readonly changesSince: (sequence: number) => Promise<CatalogChanges>;
  /** Of the changes that catalog and engine were started from; 0: all that is stored is looked at once more. */
  readonly from?: number;
  readonly log: {
    info(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  /** Every extent, before the engine is told of it. One that this node reserved comes too. */
  readonly onExtent: (extent: CodeExtent) => void;
  /** All that was stored before the refreshing began is here, and the engine knows it or is owed it. */
  readonly onRefreshed?: () => void;
  readonly random?: () => number;
}

export class CatalogFollower {
  readonly #options: CatalogFollowerOptions;
  #sequence: number;
  /** The look under way, and the one that begins after it, for callers who came when it had begun. */
  #running: Promise<Promise<void>[]> | null = null;
  #next: Promise<Promise<void>[]> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #intervalMs = FOLLOW_INTERVAL_MS;
  #polling: Promise<void> | null = null;
  #nudged = false;
  /** Failures in a row. */
  #failures = 0;
  #stopped = true;

  constructor(options: CatalogFollowerOptions) {
    this.#options = options;
    this.#sequence = options.from ?? 0;
    options.catalog.share(async () => {
      await this.#look();
    });
  }

  /** Of the last look that succeeded. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Resolves when what was stored before the call is here and told. Not for use within a template's turn: it waits for turns. */
  async refresh(): Promise<void> {
    await Promise.all(await this.#look());
    this.#options.onRefreshed?.();
  }

  /** Resolves when what was stored before the call is in the catalog; the engine may still have to be told. */
  async known(): Promise<void> {
    await this.#look();
  }

  /** The pools of what is on sale can be reached from now on; the tick makes them what is stored. */
  start(intervalMs = FOLLOW_INTERVAL_MS): void {
    oweStored(this.#options.catalog);
    this.#intervalMs = intervalMs;
    this.#stopped = false;
    this.#schedule();
  }

  /** Another node has saved something. While the store fails, its back-off goes on. */
  nudge(): void {
    if (this.#stopped || this.#nudged || this.#failures > 0) return;
    this.#nudged = true;
    if (this.#polling === null) this.#schedule();
  }

  /** Resolves when a look under way is over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    await this.#polling;
  }

  #schedule(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#nudged = false;
      this.#polling = this.#poll().finally(() => {
        this.#polling = null;
        if (!this.#stopped) this.#schedule();
      });
    }, this.#delayMs());
  }

  #delayMs(): number {
    if (this.#nudged) return NUDGE_MS;
    const { random = Math.random } = this.#options;
    const ms = Math.min(this.#intervalMs * 2 ** this.#failures, Math.max(BACKOFF_MS_MAX, this.#intervalMs));
    return ms * (1 - JITTER + 2 * JITTER * random());
  }

  async #poll(): Promise<void> {
    const { log } = this.#options;
    try {
      await this.refresh();
      if (this.#failures > 0) log.info({}, 'the catalog follows the record store again');
      this.#failures = 0;
    } catch (error) {
      if (this.#failures++ === 0)
        log.error({ err: error }, 'changes of other nodes cannot be read; it is tried again');
    }
  }

  /** Single flight: a look that has begun may have missed what was stored since, so whoever comes then shares the next. */
  #look(): Promise<Promise<void>[]> {
    if (this.#next !== null) return this.#next;
    if (this.#running === null) return this.#begin();
    const begin = () => this.#begin();
    this.#next = this.#running.then(begin, begin);
    return this.#next;
  }

  #begin(): Promise<Promise<void>[]> {
    const look = this.#take();
    this.#running = look;
    this.#next = null;
    const over = (): void => {
      if (this.#running === look) this.#running = null;
    };
    look.then(over, over);
    return look;
  }

  async #take(): Promise<Promise<void>[]> {
    const { catalog, changesSince, onExtent } = this.#options;
    const changes = await changesSince(this.#sequence);
    for (const extent of changes.extents) onExtent(extent);
    const turns = catalog.keep(changes);
    this.#sequence = changes.sequence;
    return turns;
  }
}
