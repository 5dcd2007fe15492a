/** The classic design as running processes: a server and a writer over a Redis and a MySQL that others may share. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { compiled } from '../paths.ts';
import { Child } from '../processes/child.ts';
import { freePorts } from '../processes/ports.ts';
import type { Target } from '../processes/target.ts';
import { queueKey, templateKeys } from './claim-script.ts';
import { PeerDatabase } from './peer-database.ts';
import type { Service } from './service.ts';

export type PeerKind = 'uws' | 'fastify';

export interface PeerOptions {
  readonly kind: PeerKind;
  readonly autoPipelining: boolean;
  readonly redis: Service;
  readonly mysql: Service;
}

/** What Redis knows of a template. */
export interface PeerStock {
  readonly left: number;
  readonly holders: number;
}

const READY_MS_MAX = 10_000;
const DRAIN_MS_MAX = 120_000;
const DRAIN_POLL_MS = 20;
const FIRST_TEMPLATE_ID = 1000;

interface Parts {
  readonly options: PeerOptions;
  readonly prefix: string;
  readonly ports: readonly [http: number, internal: number];
  readonly server: Child;
  readonly writer: Child;
  readonly admin: Redis;
  readonly database: PeerDatabase;
}

export class Peer implements Target {
  readonly name: string;
  readonly port: number;
  readonly internalPort: number;
  readonly database: PeerDatabase;
  readonly #parts: Parts;
  #nextTemplateId = FIRST_TEMPLATE_ID;

  constructor(parts: Parts) {
    const { kind, autoPipelining } = parts.options;
    this.name = `classic-${kind}${autoPipelining ? '-pipelined' : ''}`;
    [this.port, this.internalPort] = parts.ports;
    this.database = parts.database;
    this.#parts = parts;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Redis and MySQL work for every peer that uses them. */
  get pids(): Readonly<Record<string, number>> {
    const { server, writer, options } = this.#parts;
    return {
      server: server.process.pid!,
      writer: writer.process.pid!,
      redis: options.redis.pid,
      mysql: options.mysql.pid,
    };
  }

  /** Its id. */
  async publishTemplate(stock: number): Promise<number> {
    const templateId = this.#nextTemplateId++;
    await this.#parts.admin.set(templateKeys(this.#parts.prefix, templateId).stock, stock);
    return templateId;
  }

  async stock(templateId: number): Promise<PeerStock> {
    const keys = templateKeys(this.#parts.prefix, templateId);
    const left = Number(await this.#parts.admin.get(keys.stock));
    return { left, holders: await this.#parts.admin.hlen(keys.claims) };
  }

  /** Resolves when every record is a row: the writer cuts records off the list once they are stored, not before. */
  async drained(): Promise<void> {
    const { admin, prefix, writer } = this.#parts;
    const untilMs = performance.now() + DRAIN_MS_MAX;
    while ((await admin.llen(queueKey(prefix))) > 0) {
      if (!writer.running) throw new Error(`the writer ended:\n${writer.stderr}`);
      if (performance.now() > untilMs) throw new Error(`records are queued after ${DRAIN_MS_MAX} ms`);
      await sleep(DRAIN_POLL_MS);
    }
  }

  countRows(templateId: number): Promise<number> {
    return this.database.countRows(templateId);
  }

  /** So that every run finds the same empty tables. The template is gone afterwards. */
  async forget(templateId: number): Promise<void> {
    const keys = templateKeys(this.#parts.prefix, templateId);
    await this.#parts.admin.unlink(keys.stock, keys.claims);
    await this.database.clear();
  }

  async stop(): Promise<void> {
    const { server, writer, admin, database } = this.#parts;
    await Promise.all([server.end('SIGKILL'), writer.end('SIGKILL')]);
    admin.disconnect();
    await database.drop();
  }
}

export async function startPeer(options: PeerOptions): Promise<Peer> {
  const { kind, autoPipelining, redis, mysql } = options;
  const prefix = `peer_${randomBytes(4).toString('hex')}`;
  const database = await PeerDatabase.create(mysql.url, prefix);
  const [http, internal, writerPort] = (await freePorts(3)) as [number, number, number];
  const env = {
    ...process.env,
    NODE_ENV: 'production',
    REDIS_URL: redis.url,
    MYSQL_URL: database.url,
    PEER_PREFIX: prefix,
    AUTO_PIPELINING: autoPipelining ? '1' : '0',
  };
  const server = new Child(compiled(`bench/peers/${kind}-server.js`), [`${http}`, `${internal}`], env);
  const writer = new Child(compiled('bench/peers/writer-process.js'), [`${writerPort}`], env);
  const admin = new Redis(redis.url);
  const peer = new Peer({ options, prefix, ports: [http, internal], server, writer, admin, database });
  try {
    await server.ready(`http://127.0.0.1:${internal}/`, READY_MS_MAX);
    await writer.ready(`http://127.0.0.1:${writerPort}/`, READY_MS_MAX);
    return peer;
  } catch (error) {
    await peer.stop();
    throw error;
  }
}
