/** One life of an owner, run in this thread: its real log, its real record store, and main's end of rings and port. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import {
  FLUSH_SIGNAL_BYTES,
  LOG_POSITION_BYTES,
  OWNER_FIGURES,
  REPLY_WORDS,
  REQUEST_WORDS,
} from '../../src/rings/layout.ts';
import { RingConsumer, RingProducer, ringBuffer } from '../../src/rings/ring.ts';
import { sharedNumbers } from '../../src/rings/shared-numbers.ts';
import { runLife } from '../../src/workers/owner-life.ts';
import type { FromOwner, OwnedTemplate, OwnerTask, ToOwner } from '../../src/workers/owner-messages.ts';
import { serveCalls } from '../../src/workers/rpc.ts';
import { TEMPLATE, templateRules } from '../actors/rules.ts';
import { until } from '../support/wait.ts';

const RECORDS = 64;

export type Told = Exclude<FromOwner, number>;

export function owned(units: UnitTable, total: number, partitions = 1): OwnedTemplate {
  return { rules: templateRules({ partitions }), total, placed: total, units: units.buffers };
}

export class LifeStage {
  readonly told: Told[] = [];
  readonly store = new SqliteStore(':memory:');
  readonly units = new UnitTable([]);
  readonly logRoot = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-life-'));
  readonly ended: Promise<void>;
  private readonly port: MessagePort;
  private readonly requests = ringBuffer(RECORDS, REQUEST_WORDS);
  private readonly replies = ringBuffer(RECORDS, REPLY_WORDS);
  private readonly producer = new RingProducer(this.requests, REQUEST_WORDS);
  private readonly consumer = new RingConsumer(this.replies, REPLY_WORDS);
  private slots = 0;

  constructor(templates: readonly OwnedTemplate[] = [], changes: Partial<OwnerTask> = {}) {
    const { port1, port2 } = new MessageChannel();
    const stored = new MessageChannel();
    serveCalls(stored.port1, this.store);
    this.port = port1;
    port1.on('message', (message: FromOwner) => {
      if (message !== 0) this.told.push(message);
    });
    this.ended = runLife({
      index: 0,
      owners: 1,
      port: port2,
      store: stored.port2,
      requests: this.requests,
      replies: this.replies,
      figures: sharedNumbers(OWNER_FIGURES),
      positions: new SharedArrayBuffer(LOG_POSITION_BYTES),
      flushSignal: new SharedArrayBuffer(FLUSH_SIGNAL_BYTES),
      logRoot: this.logRoot,
      logId: 1,
      logSync: 'os',
      segmentBytesMax: 1 << 20,
      faults: null,
      templates,
      logs: [],
      seal: null,
      first: true,
      cluster: null,
      ...changes,
    });
    // Whoever awaits it sees the failure; a test that does not is not ended by it.
    this.ended.catch(() => {});
    this.consumer.sleep();
  }

  send(message: ToOwner): void {
    this.port.postMessage(message);
  }

  async heard<K extends Told['kind']>(kind: K): Promise<Extract<Told, { kind: K }>> {
    return until(
      () => this.told.find((told): told is Extract<Told, { kind: K }> => told.kind === kind),
      () => `${kind} among ${this.told.map((told) => told.kind).join(', ')}`,
    );
  }

  /** One claim; its verdict and unit. */
  async claim(user: number): Promise<[verdict: number, serial: number]> {
    const at = this.producer.reserve();
    this.producer.words.set([++this.slots, TEMPLATE, 0, 0, user, 0, 0, 0], at);
    if (this.producer.publish()) this.send(0);
    const found = await until(() => {
      this.consumer.wake();
      return this.consumer.available() > 0 ? this.consumer.at(0) : null;
    }, `an answer to user ${user}`);
    const { words } = this.consumer;
    const answer: [number, number] = [words[found + 1], words[found + 2]];
    this.consumer.release(1);
    this.consumer.sleep();
    return answer;
  }

  async destroy(): Promise<void> {
    this.send({ kind: 'stop' });
    await this.ended.catch(() => {});
    await this.store.close();
    fs.rmSync(this.logRoot, { recursive: true });
  }
}
