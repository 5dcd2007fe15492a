/** An engine of the built program with its real owner, flusher and record threads, and nothing in front of it. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { partitionOf } from '../../src/actors/placement.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import { SENT } from '../../src/claims/claim-desk.ts';
import { readConfig } from '../../src/config.ts';
import type { CodeExtent, Template } from '../../src/domain/template.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { RecordStore } from '../../src/ports.ts';
import type { RecordsLink } from '../../src/workers/records-link.ts';
import { template } from '../records/samples.ts';
import { within } from '../support/wait.ts';

/** Threads run compiled files, so whoever starts them does too. */
async function built<T>(file: string): Promise<T> {
  return (await import(new URL(`../../dist/src/${file}`, import.meta.url).href)) as T;
}

const SPACE = '0703101112';
const STOP_MS = 10_000;

export class EngineStage {
  readonly engine: Engine;
  readonly records: RecordsLink<RecordStore>;
  readonly fatal: Error[] = [];
  private readonly dataDir: string;
  private readonly faults: string;

  private constructor(
    dataDir: string,
    records: RecordsLink<RecordStore>,
    make: (stage: EngineStage) => Engine,
  ) {
    this.dataDir = dataDir;
    this.faults = path.join(dataDir, 'faults');
    this.records = records;
    this.engine = make(this);
  }

  static async open(owners: number): Promise<EngineStage> {
    const dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-engine-'));
    const links = await built<typeof import('../../src/workers/records-link.ts')>('workers/records-link.js');
    const engines = await built<typeof import('../../src/engine/engine.ts')>('engine/engine.js');
    const file = path.join(dataDir, 'records.db');
    const fatal = (error: Error) => stage.fatal.push(error);
    const env = { DATA_DIR: dataDir, OWNER_THREADS: String(owners), FAULTS: path.join(dataDir, 'faults') };
    const read = readConfig(env, {});
    if (!read.ok) throw new Error(read.errors.join('\n'));
    const { config } = read;
    const logger = pino({ level: 'silent' });
    const records = await links.RecordsLink.start<RecordStore>({ kind: 'sqlite', file }, fatal, logger);
    const stage: EngineStage = new EngineStage(
      dataDir,
      records,
      (at) =>
        new engines.Engine({
          config,
          codeKey: new Uint8Array(32).fill(7),
          store: records.store as unknown as RecordStore,
          connectStore: (port) => records.connect(port),
          logger,
          shared: null,
          ingress: null,
          onFatal: (error) => at.fatal.push(error),
        }),
    );
    return stage;
  }

  /** With one template, as a store that has had it for long; or none. */
  async start(one?: Template): Promise<void> {
    const { store } = this.records;
    if (one !== undefined) {
      const extent = { firstSerial: 0, length: one.total, spaces: [{ space: SPACE, size: 1e8 }] };
      const saved = await store.saveTemplate({ ...one, id: 0, version: 1 }, extent, null);
      if (saved.kind !== 'saved' || saved.value.id !== one.id) throw new Error(`not stored: ${saved.kind}`);
    }
    const started = this.engine.start(await store.templates(), [], await store.extents());
    await within(started, 'the start of the engine');
  }

  /** One claim; its verdict. */
  claim(templateId: number, user: number, activityId = 0): Promise<number> {
    const pool = this.engine.templates.get(templateId)!.pools.get(activityId)!;
    return within(
      new Promise((resolve) => {
        const waiter = {
          claimAnswered: (_slot: number, _pool: unknown, verdict: number) => resolve(verdict),
        };
        const verdict = this.engine.desk.claim(pool, user, 0, 0, 0, Date.now(), waiter);
        if (verdict !== SENT) resolve(verdict);
      }),
      `the answer to user ${user}`,
    );
  }

  /** Lets users come until the first who is not a winner; how many were. */
  async sellOut(templateId: number, activityId = 0): Promise<{ sold: number; last: number }> {
    for (let user = 1; ; user++) {
      const verdict = await this.claim(templateId, user, activityId);
      if (verdict !== Verdict.claimed) return { sold: user - 1, last: verdict };
    }
  }

  /** The owner's thread ends in the middle of its next drain. */
  killOwner(owner: number): void {
    fs.writeFileSync(this.faults, `owner-${owner} die\n`);
  }

  noFaults(): void {
    fs.rmSync(this.faults, { force: true });
  }

  async destroy(): Promise<void> {
    await within(this.engine.stop(STOP_MS), 'the stop of the engine', STOP_MS * 2);
    await this.records.rest();
    await this.records.end();
    fs.rmSync(this.dataDir, { recursive: true });
  }
}

export function shelved(id: number, total: number, changes: Partial<Template> = {}): Template {
  return template({ id, name: `Template ${id}`, total, version: 2, ...changes });
}

export function extentOf(templateId: number, firstSerial: number, length: number): CodeExtent {
  return { templateId, firstSerial, length, space: SPACE, offset: templateId * 100_000 + firstSerial };
}

/** A user of each partition. */
export function usersOf(partitions: number): number[] {
  return Array.from({ length: partitions }, (_, partition) => {
    let user = 1;
    while (partitionOf(user, 0, partitions) !== partition) user++;
    return user;
  });
}
