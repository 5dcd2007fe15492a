/**
 * Sees to it that a change holds before anybody is told that it is made: every owner that serves has taken it in, and
 * units that the change made claimable have their codes and lie in owners' slices, so that the first claim finds them.
 *
 * Messages to an owner are taken in one after the other. So one question sent behind the messages of a change, and
 * answered, says that all of them have arrived; and what main had sent when it was answered comes before any claim made
 * after that. An owner that is down is not waited for: its next life starts from what is known then.
 */
import type { TemplateView } from '../claims/template-view.ts';
import { OWNERS_PATIENCE_MS, SLICE_UNITS_MIN } from '../limits.ts';
import type { PoolRef } from '../ports.ts';
import { Unavailable } from '../problems.ts';
import type { ToOwner } from '../workers/owner-messages.ts';

/** Guided slices grow smaller with each actor; from so many times the least on, every actor gets one. */
const SLICES_FOR_ALL = 8;

export interface InForceOptions {
  readonly send: (owner: number, message: Extract<ToOwner, { kind: 'confirm' }>) => void;
  /** Whether the owner answers claims; one that does not, learns everything when it begins to. */
  readonly serves: (owner: number) => boolean;
  readonly leases: {
    /** Resolves with false when neither units nor the news that there are none came in time. */
    stocked(ref: PoolRef): Promise<boolean>;
    leasable(ref: PoolRef): number;
  };
  readonly patienceMs?: number;
}

interface Round {
  readonly owners: Set<number>;
  readonly resolve: () => void;
}

export class InForce {
  readonly #options: InForceOptions;
  readonly #rounds = new Map<number, Round>();
  /** Pools with units nobody has been told of yet, by template. */
  readonly #fresh = new Map<number, Set<number>>();
  #last = 0;

  constructor(options: InForceOptions) {
    this.#options = options;
  }

  /** The pool has units it had not before: they belong to the change that brought them. */
  fresh({ templateId, activityId }: PoolRef): void {
    const pools = this.#fresh.get(templateId) ?? new Set();
    this.#fresh.set(templateId, pools.add(activityId));
  }

  /** The pool has ended. */
  stale({ templateId, activityId }: PoolRef): void {
    this.#fresh.get(templateId)?.delete(activityId);
  }

  /** To be called behind the messages of a change. Rejects with Unavailable when it does not hold in time. */
  async confirmed(view: TemplateView, owners: Iterable<number>): Promise<void> {
    const { leases } = this.#options;
    const templateId = view.template.id;
    const fresh = this.#fresh.get(templateId);
    this.#fresh.delete(templateId);
    const lease: PoolRef[] = [];
    try {
      for (const activityId of fresh ?? []) {
        const ref = { templateId, activityId };
        if (!(await leases.stocked(ref)))
          throw new Unavailable(`The codes of template ${templateId} are not made yet.`);
        if (leases.leasable(ref) >= unitsForAll(view)) lease.push(ref);
      }
      await this.#round([...new Set(owners)], lease);
    } catch (error) {
      for (const activityId of fresh ?? []) this.fresh({ templateId, activityId });
      throw error;
    }
  }

  answered(owner: number, change: number): void {
    const round = this.#rounds.get(change);
    if (round?.owners.delete(owner) && round.owners.size === 0) round.resolve();
  }

  ownerEnded(owner: number): void {
    for (const change of [...this.#rounds.keys()]) this.answered(owner, change);
  }

  async #round(owners: readonly number[], lease: readonly PoolRef[]): Promise<void> {
    const { send, serves, patienceMs = OWNERS_PATIENCE_MS } = this.#options;
    const serving = owners.filter(serves);
    if (serving.length === 0) return;
    const change = ++this.#last;
    const waiting = new Set(serving);
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#rounds.set(change, { owners: waiting, resolve });
        timer = setTimeout(() => {
          const late = [...waiting].join(', ');
          reject(new Unavailable(`Owners ${late} did not take the change in within ${patienceMs} ms.`));
        }, patienceMs);
        for (const owner of serving) send(owner, { kind: 'confirm', change, lease });
      });
    } finally {
      clearTimeout(timer);
      this.#rounds.delete(change);
    }
  }
}

/** With fewer, actors would only take them from one another before the first claim tells where they are needed. */
function unitsForAll({ rules: { partitions } }: TemplateView): number {
  return partitions === 1 ? 1 : partitions * SLICE_UNITS_MIN * SLICES_FOR_ALL;
}
