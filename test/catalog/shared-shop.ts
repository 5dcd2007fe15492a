/** Several catalogs over one record store and one shared set of pools, each step of which takes a few turns. */
import { Catalog } from '../../src/catalog/catalog.ts';
import { CatalogFollower } from '../../src/catalog/catalog-follow.ts';
import type { CatalogEngine, TakenUnits } from '../../src/catalog/engine-port.ts';
import type { Activity, CodeExtent, Template } from '../../src/domain/template.ts';
import type { ExtentRequest, IdempotencyMark, SaveOutcome, Versioned } from '../../src/ports.ts';
import type { CatalogChanges } from '../../src/ports-cluster.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import type { Random } from '../support/random.ts';

type Entry = { template: Template } | { activity: Activity } | { extent: CodeExtent };

/** What nodes see of a store that they share: a save from a version that is no longer stored is `changed`. */
export class SharedStore extends SqliteStore {
  readonly history: Entry[] = [];
  pause: () => Promise<void> = async () => {};
  readonly #versions = new Map<string, number>();
  readonly #marks = new Set<string>();
  #last: Promise<unknown> = Promise.resolve();

  constructor() {
    super(':memory:');
  }

  async changesSince(sequence: number): Promise<CatalogChanges> {
    await this.pause();
    const news = this.history.slice(sequence);
    const changes = {
      sequence: this.history.length,
      templates: news.flatMap((entry) => ('template' in entry ? [entry.template] : [])),
      activities: news.flatMap((entry) => ('activity' in entry ? [entry.activity] : [])),
      extents: news.flatMap((entry) => ('extent' in entry ? [entry.extent] : [])),
    };
    await this.pause();
    return changes;
  }

  override async saveTemplate(
    template: Template,
    extent: ExtentRequest | null,
    mark: IdempotencyMark | null,
    activities: readonly Versioned[] | null = null,
  ): Promise<SaveOutcome<Template>> {
    await this.pause();
    const outcome = await this.#oneByOne(async () => {
      const outcome = this.#isOld('template', template, mark)
        ? ({ kind: 'changed' } as const)
        : await super.saveTemplate(template, extent, mark, activities);
      if (outcome.kind === 'saved') {
        this.#saved('template', outcome.value, mark);
        this.history.push({ template: outcome.value });
        if (outcome.extent !== null) this.history.push({ extent: outcome.extent });
      }
      return outcome;
    });
    await this.pause();
    return outcome;
  }

  override async addTemplates(templates: readonly Template[]): Promise<(number | null)[]> {
    await this.pause();
    const ids = await this.#oneByOne(async () => {
      const ids = await super.addTemplates(templates);
      for (const [i, id] of ids.entries()) {
        if (id === null) continue;
        const template = { ...templates[i]!, id };
        this.#saved('template', template, null);
        this.history.push({ template });
      }
      return ids;
    });
    await this.pause();
    return ids;
  }

  override async saveActivity(
    activity: Activity,
    mark: IdempotencyMark | null,
    templateVersion: number | null = null,
  ): Promise<SaveOutcome<Activity>> {
    await this.pause();
    const outcome = await this.#oneByOne(async () => {
      const outcome = this.#isOld('activity', activity, mark)
        ? ({ kind: 'changed' } as const)
        : await super.saveActivity(activity, mark, templateVersion);
      if (outcome.kind === 'saved') {
        this.#saved('activity', outcome.value, mark);
        this.history.push({ activity: outcome.value });
      }
      return outcome;
    });
    await this.pause();
    return outcome;
  }

  /** The check of the version and the save are one transaction. */
  #oneByOne<T>(transaction: () => Promise<T>): Promise<T> {
    const done = this.#last.then(transaction, transaction);
    this.#last = done;
    return done;
  }

  #isOld(kind: string, { id, version }: Template | Activity, mark: IdempotencyMark | null): boolean {
    if (id === 0 || (mark !== null && this.#marks.has(`${mark.scope} ${mark.key}`))) return false;
    const stored = this.#versions.get(`${kind} ${id}`);
    return version !== stored! + 1 && !(version === stored && mark !== null);
  }

  #saved(kind: string, { id, version }: Template | Activity, mark: IdempotencyMark | null): void {
    this.#versions.set(`${kind} ${id}`, version);
    if (mark !== null) this.#marks.add(`${mark.scope} ${mark.key}`);
  }
}

/** Units as a shared ledger has them: every call may come twice, and sets what it says. */
export class SharedPools {
  readonly totals = new Map<number, number>();
  readonly activities = new Map<number, { templateId: number; units: number }>();

  raise(templateId: number, total: number): void {
    this.totals.set(templateId, Math.max(this.totals.get(templateId) ?? 0, total));
  }

  general(templateId: number): number {
    let units = this.totals.get(templateId) ?? 0;
    for (const pool of this.activities.values()) if (pool.templateId === templateId) units -= pool.units;
    return units;
  }

  fund({ id, templateId, stock }: Activity): TakenUnits {
    const more = stock - (this.activities.get(id)?.units ?? 0);
    const available = this.general(templateId);
    if (more > available) return { ok: false, available };
    this.activities.set(id, { templateId, units: stock });
    return { ok: true };
  }
}

export class Node {
  readonly told: string[] = [];
  readonly extents: CodeExtent[] = [];
  readonly known = new Map<number, { template: Template; activities: readonly Activity[] }>();
  readonly logged: string[] = [];
  readonly catalog: Catalog;
  readonly follower: CatalogFollower;

  private constructor(catalog: Catalog, store: SharedStore, from: number) {
    this.catalog = catalog;
    this.follower = new CatalogFollower({
      catalog,
      changesSince: (sequence) => store.changesSince(sequence),
      from,
      log: {
        info: (_, message) => this.logged.push(message),
        error: (_, message) => this.logged.push(message),
      },
      onExtent: () => {},
    });
  }

  static async start(store: SharedStore, pools: SharedPools, now: () => number): Promise<Node> {
    let node: Node | null = null;
    const knows = ({ templateId }: Activity): void => {
      if (!node!.known.has(templateId)) throw new Error(`template ${templateId} was never told of`);
    };
    const engine: CatalogEngine = {
      async templateChanged(template, activities, extent) {
        await store.pause();
        node!.told.push(`${template.id} v${template.version} ${template.status} ${activities.length}`);
        if (extent !== null) node!.extents.push(extent);
        pools.raise(template.id, template.total);
        node!.known.set(template.id, { template, activities });
      },
      async openActivity(activity) {
        knows(activity);
        await store.pause();
        node!.told.push(`open ${activity.id} ${activity.stock}`);
        return pools.fund(activity);
      },
      async resizeActivity(activity, before) {
        knows(activity);
        await store.pause();
        node!.told.push(`resize ${activity.id} ${before} ${activity.stock}`);
        return pools.fund(activity);
      },
      async closeActivity({ id }) {
        await store.pause();
        node!.told.push(`close ${id}`);
        pools.activities.delete(id);
      },
    };
    const first = await store.changesSince(0);
    const spaces = ({ productLine }: Template) => [{ space: `space-${productLine}`, size: 1_000_000 }];
    const log = { error: (_: object, message: string) => node!.logged.push(message) };
    const catalog = await Catalog.load({ store, engine, spaces, now, log }, first);
    node = new Node(catalog, store, first.sequence);
    return node;
  }
}

/** Each pause takes some turns of the microtask queue, so that calls overtake one another; the same for one seed. */
export function pauses(random: Random): () => Promise<void> {
  return async () => {
    for (let turns = random.below(12); turns > 0; turns--) await null;
  };
}
