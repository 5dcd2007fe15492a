/** All there is in one simulated run of a cluster. */
import type { Activity, Template } from '../../../src/domain/template.ts';
import { shardOf } from '../../../src/ports-ledger.ts';
import { FaultCounts } from '../faults.ts';
import { Random } from '../random.ts';
import { Scheduler } from '../scheduler.ts';
import { Chaos, type DeedName } from './chaos.ts';
import { Clients } from './clients.ts';
import { extentOf } from './codes.ts';
import { ClusterFaults } from './faults.ts';
import { Oracle } from './oracle.ts';
import type { Parts } from './parts.ts';
import { SimNode } from './sim-node.ts';
import type { SimProcess } from './sim-process.ts';
import { SimRecords } from './sim-records.ts';
import { SimRedis } from './sim-redis.ts';

const EPOCH_MS = 1_800_000_000_000;

export class World {
  readonly random: Random;
  readonly scheduler = new Scheduler();
  readonly faults = new ClusterFaults();
  readonly diskFaults = new FaultCounts();
  readonly parts: Parts;
  readonly segmentBytesMax: number;
  readonly segmentKeepMs: number;
  readonly records: SimRecords;
  readonly redis: SimRedis;
  readonly oracle: Oracle;
  readonly nodes: SimNode[] = [];
  readonly clients: Clients;
  /** In whose process something happens now. */
  current: SimProcess | null = null;
  /** No more faults. */
  calm = false;
  healedUs = 0;
  failure: Error | null = null;
  private readonly onTrace: ((line: string) => void) | null;

  constructor(
    seed: number,
    parts: Parts,
    deeds: readonly DeedName[] | null,
    onTrace: ((line: string) => void) | null,
  ) {
    this.parts = parts;
    this.onTrace = onTrace;
    this.random = new Random(seed);
    const { random } = this;
    this.segmentBytesMax = random.skewed(400, 8_000);
    this.segmentKeepMs = random.skewed(10, 4_000);
    this.records = new SimRecords(this);
    this.redis = new SimRedis(this);
    this.oracle = new Oracle(this);
    for (let i = random.between(1, 3); i > 0; i--) this.addTemplate(random.between(1, 30) * 3 + i);
    for (let i = random.between(2, 4); i > 0; i--) this.nodes.push(new SimNode(this, `node${i}`));
    this.clients = new Clients(this);
    void new Chaos(this, deeds);
    for (const node of this.nodes) node.bootLater(0, 500_000);
  }

  get nowMs(): number {
    return EPOCH_MS + Math.floor(this.scheduler.nowUs / 1_000);
  }

  trace(line: () => string): void {
    this.onTrace?.(`#${this.scheduler.count} ${this.scheduler.nowUs}us ${line()}`);
  }

  fail(error: unknown, where: string): void {
    const wrapped = error instanceof Error ? error : new Error(String(error));
    wrapped.message = `${where}: ${wrapped.message}`;
    this.trace(() => `FAILED ${wrapped.message}`);
    this.failure ??= wrapped;
  }

  private addTemplate(id: number): void {
    const { random, records } = this;
    const total = random.skewed(40, 600);
    records.templateRows.push({
      id,
      total,
      perUserLimit: random.between(1, 2),
      partitions: random.pick([1, 1, 2]),
      status: 'published',
      distribution: 'both',
      validity: { daysAfterClaim: 1 },
      claimFromMs: null,
      claimUntilMs: null,
      audience: null,
      publishedAtMs: EPOCH_MS,
      version: 1,
    } as unknown as Template);
    records.extentRows.push(extentOf(id, 0, total));
    if (!random.chance(0.5)) return;
    records.activityRows.push({
      id: id * 10,
      templateId: id,
      stock: random.between(5, Math.floor(total / 2)),
      startsAtMs: 0,
      endsAtMs: Number.MAX_SAFE_INTEGER,
      perUserLimit: random.between(1, 2),
      status: 'active',
      version: 1,
    } as unknown as Activity);
  }

  template(id: number): Template {
    return this.records.templateRows.find((template) => template.id === id)!;
  }

  usersOf(templateId: number): number {
    const { total, perUserLimit } = this.template(templateId);
    return Math.ceil(total / perUserLimit) + 10;
  }

  templateLimit(id: number): number {
    return this.template(id).perUserLimit;
  }

  poolLimit(templateId: number, activityId: number): number {
    if (activityId === 0) return this.templateLimit(templateId);
    return this.records.activityRows.find(({ id }) => id === activityId)!.perUserLimit;
  }

  shardRow(templateId: number) {
    return this.records.shardRows.get(shardOf(templateId))!;
  }

  catalogBehind(process: SimProcess): void {
    throw new Error(`${process.node.id} has not heard of a template that nobody changed`);
  }

  /** From now on nothing goes wrong any more. */
  calmDown(): void {
    this.calm = true;
    this.healedUs = this.scheduler.nowUs;
    this.trace(() => 'calm');
    this.clients.stop();
    this.redis.calm();
    this.records.calm();
    for (const node of this.nodes) {
      node.disk.syncsToFail = 0;
      node.thaw();
    }
  }
}
