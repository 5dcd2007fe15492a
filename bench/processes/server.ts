/** A Doorbuster server as a running process, with the few operator calls the bench makes. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { compiled } from '../paths.ts';
import { type Backing, EMBEDDED, type StoredRows } from './backing.ts';
import { Child } from './child.ts';
import { freePorts } from './ports.ts';
import type { Target } from './target.ts';

export type LogSync = 'os' | 'always';

export interface Stock {
  readonly total: number;
  readonly free: number;
  readonly leased: number;
  readonly claimed: number;
  readonly flushed: number;
}

/** Recovery of ten million claims has to fit; a server that hangs must not hold the bench for ever. */
const READY_MS_MAX = 120_000;
const DRAIN_MS_MAX = 180_000;
const DRAIN_POLL_MS = 20;
const NEWS_MS_MAX = 10_000;

/** One for all servers of a bench: the nodes of a cluster take each other's operators. */
const TOKEN = randomBytes(16).toString('hex');

export class Server implements Target {
  readonly port: number;
  readonly internalPort: number;
  readonly dataDir: string;
  readonly token = TOKEN;
  readonly child: Child;
  readonly rows: StoredRows;
  /** Further nodes of its cluster; operators' calls go to this one. */
  readonly otherNodes: Server[] = [];
  readonly #databases: Backing['pids'];
  /** From spawn to the first good /readyz. */
  readyMs = Number.NaN;

  private constructor(ports: readonly number[], dataDir: string, sync: LogSync, backing: Backing) {
    [this.port, this.internalPort] = ports as [number, number];
    this.dataDir = dataDir;
    this.rows = backing.rows(dataDir);
    this.#databases = backing.pids;
    this.child = new Child(compiled('app/doorbuster.cjs'), ['serve'], {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TMPDIR: process.env.TMPDIR,
      HOST: '127.0.0.1',
      PORT: String(this.port),
      INTERNAL_HOST: '127.0.0.1',
      INTERNAL_PORT: String(this.internalPort),
      DATA_DIR: dataDir,
      LOG_SYNC: sync,
      RATE_LIMIT_USER: '0',
      RATE_LIMIT_ADDRESS: '0',
      OWNER_THREADS: '1',
      ADMIN_TOKEN: this.token,
      LOG_LEVEL: 'warn',
      // Seeding outruns the flusher, and recovery from the log needs segments that were flushed once already.
      LAG_LIMIT: '1000000000',
      SEGMENT_KEEP: '1h',
      ...backing.env,
    });
  }

  static async start(dataDir: string, sync: LogSync, backing: Backing = EMBEDDED): Promise<Server> {
    const server = new Server(await freePorts(2), dataDir, sync, backing);
    server.readyMs = await server.child.ready(`http://127.0.0.1:${server.internalPort}/readyz`, READY_MS_MAX);
    return server;
  }

  get pids(): Readonly<Record<string, number>> {
    const others = this.otherNodes.map(({ child }, i) => [`server${i + 2}`, child.process.pid!] as const);
    return { server: this.child.process.pid!, ...Object.fromEntries(others), ...this.#databases };
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
    return (text === '' ? null : JSON.parse(text)) as T;
  }

  /** A published template that anyone may claim from once, unless `changes` say otherwise; its id. */
  async publishTemplate(stock: number, changes: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const { id } = await this.call<{ id: string }>('POST', '/v1/templates', {
      name: `bench ${randomBytes(6).toString('hex')}`,
      productLine: 1,
      currency: 'CNY',
      discount: { kind: 'instant', off: 500 },
      scope: { all: true },
      validity: { daysAfterClaim: 30 },
      stock,
      perUserLimit: 1,
      distribution: 'claim',
      ...changes,
    });
    await this.call('POST', `/v1/templates/${id}/publish`);
    for (const node of this.otherNodes) await node.#hears(String(id));
    return String(id);
  }

  /** Waits until this node has heard from another that a template is published. */
  async #hears(templateId: string): Promise<void> {
    const untilMs = performance.now() + NEWS_MS_MAX;
    for (;;) {
      const found = await this.call<{ status: string }>('GET', `/v1/templates/${templateId}`).catch(
        () => null,
      );
      if (found?.status === 'published') return;
      if (performance.now() > untilMs) throw new Error(`template ${templateId} is not known to all nodes`);
      await sleep(DRAIN_POLL_MS);
    }
  }

  stock(templateId: string): Promise<Stock> {
    return this.call<Stock>('GET', `/v1/templates/${templateId}/stock`);
  }

  /** Waits until every claim of the template is a row; gives up after a while and tells what stands. */
  async drained(templateId: string, acknowledged = 0): Promise<Stock> {
    const untilMs = performance.now() + DRAIN_MS_MAX;
    for (;;) {
      const stock = await this.stock(templateId);
      // In a cluster a node hears of the others' claims a little later.
      const stored = stock.flushed === stock.claimed && stock.claimed >= acknowledged;
      if (stored || performance.now() > untilMs) return stock;
      await sleep(DRAIN_POLL_MS);
    }
  }
}

export function claimsPath(templateId: string): string {
  return `/v1/templates/${templateId}/claims`;
}
