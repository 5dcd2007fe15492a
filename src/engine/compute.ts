/** What is heavy and stateless, on a thread of its own: coupon codes ahead of the crowd, the best coupons for an order. */
import { setTimeout as pause } from 'node:timers/promises';
import { Piscina } from 'piscina';
import type { TemplateView } from '../claims/template-view.ts';
import type { Best } from '../domain/quote/best.ts';
import type { SerialRange } from '../ports.ts';
import type { BestTask, CodesTask } from '../workers/compute-entry.ts';
import { entryUrl } from '../workers/entry-url.ts';

/** Longest to wait for news of units that are here already, and between two looks for it. */
const CODES_PLACED_MS = 5_000;
const CODES_PLACED_LOOK_MS = 10;

export interface ComputeOptions {
  readonly codeKey: Uint8Array;
  /** Units came before the news of what their codes are: it is asked for. False where there can be none. */
  readonly askForCatalog: () => boolean;
}

export class Compute {
  private readonly options: ComputeOptions;
  private readonly pool = new Piscina({
    filename: entryUrl('compute').href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    atomics: 'disabled',
  });

  constructor(options: ComputeOptions) {
    this.options = options;
  }

  findBest(task: BestTask): Promise<Best> {
    return this.pool.run(task, { name: 'findBest' });
  }

  /** Writes the codes of these units into the shared tables. */
  async makeCodes(view: TemplateView, range: SerialRange): Promise<void> {
    await this.placed(view, range);
    for (const extent of view.extents) {
      const from = Math.max(range.from, extent.firstSerial);
      const to = Math.min(range.to, extent.firstSerial + extent.length);
      if (from >= to) continue;
      const task: CodesTask = {
        key: this.options.codeKey,
        extent,
        firstSerial: from,
        count: to - from,
        units: view.units.buffers,
      };
      await this.pool.run(task, { name: 'makeCodes' });
    }
  }

  stop(): Promise<void> {
    return this.pool.destroy();
  }

  /** In a cluster, units may come before the news that another node has added them. */
  private async placed(view: TemplateView, { from, to }: SerialRange): Promise<void> {
    const deadlineMs = Date.now() + CODES_PLACED_MS;
    while (view.placed < to) {
      if (Date.now() > deadlineMs || !this.options.askForCatalog())
        throw new Error(`template ${view.template.id} has no codes for all of serials ${from} to ${to - 1}`);
      await pause(CODES_PLACED_LOOK_MS);
    }
  }
}
