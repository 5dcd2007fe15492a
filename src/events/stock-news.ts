/**
 * What a node's memory knows and the record store does not: that codes are ready to be given out, that an activity has
 * sold its last unit. It is looked for now and again rather than passed on when it happens: so whatever dies or fails in
 * between, the next look of any node finds it, and nothing is added to the way of a claim.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Activity, Template } from '../domain/template.ts';
import type { EventStore, StockReport } from '../ports-events.ts';

export interface StockNewsOptions {
  readonly templates: () => Iterable<Template>;
  /** Those that were opened. */
  readonly activities: () => Iterable<Activity>;
  /** Units that can be claimed as far as their codes are concerned. */
  readonly readyUnits: (templateId: number) => number;
  readonly claimedUnits: (templateId: number, activityId: number) => number;
  readonly store: Pick<EventStore, 'tellStock'>;
  /** The first of failures in a row; it is tried again with each look. */
  readonly onTrouble: (error: unknown) => void;
}

/** Told in one call. */
const AT_ONCE = 100;

export class StockNews {
  private readonly options: StockNewsOptions;
  /** Units the store is known to have told of, by template and by activity. */
  private readonly ready = new Map<number, number>();
  private readonly sold = new Map<number, number>();
  private looking: Promise<void> | null = null;
  private isFailing = false;

  constructor(options: StockNewsOptions) {
    this.options = options;
  }

  /** Tells what is news. One look at a time: whoever asks meanwhile has the same. Never rejects. */
  look(): Promise<void> {
    this.looking ??= this.lookOnce().finally(() => {
      this.looking = null;
    });
    return this.looking;
  }

  /** Resolves when no look is under way, or after `patienceMs`: what it waits for then does no harm when it comes. */
  async rest(patienceMs: number): Promise<void> {
    if (this.looking === null) return;
    const late = new AbortController();
    const patience = pause(patienceMs, undefined, { signal: late.signal }).catch(() => {});
    await Promise.race([this.looking, patience]);
    late.abort();
  }

  private async lookOnce(): Promise<void> {
    try {
      await this.tellAll();
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) this.options.onTrouble(error);
      this.isFailing = true;
    }
  }

  private async tellAll(): Promise<void> {
    const news = [...this.readyOnes(), ...this.soldOut()];
    for (let from = 0; from < news.length; from += AT_ONCE) {
      const some = news.slice(from, from + AT_ONCE);
      const told = await this.options.store.tellStock(some);
      some.forEach((report, i) => {
        if (told[i]) this.toldOf(report).set(report.id, report.stock);
      });
    }
  }

  private toldOf({ subject }: StockReport): Map<number, number> {
    return subject === 'template' ? this.ready : this.sold;
  }

  private *readyOnes(): Iterable<StockReport> {
    const { templates, readyUnits } = this.options;
    for (const { id, publishedAtMs, total } of templates()) {
      const told = this.ready.get(id) ?? 0;
      if (publishedAtMs === null || told === total) continue;
      const stock = readyUnits(id);
      if (stock > told) yield { subject: 'template', id, stock };
    }
  }

  private *soldOut(): Iterable<StockReport> {
    const { activities, claimedUnits } = this.options;
    for (const { id, templateId, stock, askedStock } of activities()) {
      if (stock === this.sold.get(id) || askedStock !== undefined) continue;
      if (claimedUnits(templateId, id) >= stock) yield { subject: 'activity', id, stock };
    }
  }
}
