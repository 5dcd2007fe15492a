/**
 * The record store of the profiles `single` and `cluster`: MariaDB 10.11 and later, MySQL 8 and later. Each method is a
 * line here; the files beside this one say how.
 */
import type { Activity, CodeExtent, Template } from '../../domain/template.ts';
import type {
  ClaimBatch,
  CommitOutcome,
  CouponRow,
  ExtentRequest,
  IdempotencyMark,
  MarkStore,
  RecordStore,
  SaveOutcome,
  Versioned,
  WalletQuery,
  Watermark,
} from '../../ports.ts';
import type {
  Admission,
  CatalogChanges,
  ClusterStore,
  FillOutcome,
  MemberRow,
  NodeRow,
  ProfileStore,
  ShardRow,
} from '../../ports-cluster.ts';
import type { CouponStore } from '../../ports-coupons.ts';
import type { EventStore } from '../../ports-events.ts';
import { catchUp } from '../catalog-events/catch-up.ts';
import { eventStore } from '../events/event-store.ts';
import { mysqlEvents } from '../events/mysql-events.ts';
import { couponStore } from '../redemptions/coupon-steps.ts';
import { MYSQL, mysqlRead, mysqlTransact } from '../redemptions/mysql-steps.ts';
import { admitNode } from './admissions.ts';
import { changesSince, readActivities, readExtents, readTemplates } from './catalog-reads.ts';
import { addTemplates, forgetMarks, saveActivity, saveTemplate } from './catalog-saves.ts';
import { type BlockPage, blockPage } from './claim-blocks.ts';
import { ClaimCommits } from './claim-commits.ts';
import * as cluster from './cluster-nodes.ts';
import * as shards from './cluster-shards.ts';
import { countByTemplate, coupon, spentCoupons, wallet } from './coupon-reads.ts';
import { keepFact } from './facts.ts';
import { type Migrated, migrate } from './migrations.ts';
import { type MysqlOptions, MysqlPool } from './pool.ts';

/** Brings the schema up to date first. `url`: mysql://user:password@host:port/database, TLS and more as ?ssl={…}. */
export async function openMysqlStore(url: string, options: MysqlOptions = {}): Promise<MysqlStore> {
  const pool = new MysqlPool(url, options);
  try {
    await pool.open();
    await migrate(pool);
    // Nodes of a version that does not tell of templates may have run beside others, or after them.
    await mysqlTransact(pool)(() => catchUp(MYSQL));
    const claims = new ClaimCommits(pool);
    if (options.loadData !== false) await claims.probe();
    return new MysqlStore(pool, claims);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** Brings the schema up to date and does nothing else. */
export async function migrateMysql(url: string): Promise<Migrated> {
  const pool = new MysqlPool(url, { connections: 1 });
  try {
    await pool.open();
    return await migrate(pool);
  } finally {
    await pool.close();
  }
}

export class MysqlStore implements RecordStore, MarkStore, ClusterStore, ProfileStore {
  private readonly pool: MysqlPool;
  private readonly claims: ClaimCommits;
  /** What becomes of coupons after their claims. */
  readonly coupons: CouponStore;
  readonly events: EventStore;

  constructor(pool: MysqlPool, claims: ClaimCommits) {
    this.pool = pool;
    this.claims = claims;
    this.coupons = couponStore(MYSQL, mysqlTransact(pool), mysqlRead(pool));
    this.events = eventStore(mysqlEvents(pool), MYSQL, mysqlTransact(pool));
  }

  // ---- catalog

  templates(): Promise<Template[]> {
    return this.pool.read((session) => readTemplates(session));
  }

  activities(): Promise<Activity[]> {
    return this.pool.read((session) => readActivities(session));
  }

  extents(): Promise<CodeExtent[]> {
    return this.pool.read((session) => readExtents(session));
  }

  saveTemplate(
    template: Template,
    extent: ExtentRequest | null,
    mark: IdempotencyMark | null,
    activities: readonly Versioned[] | null = null,
  ): Promise<SaveOutcome<Template>> {
    this.claims.forget(template.id);
    return saveTemplate(this.pool, template, extent, mark, activities);
  }

  addTemplates(templates: readonly Template[]): Promise<(number | null)[]> {
    return addTemplates(this.pool, templates);
  }

  saveActivity(
    activity: Activity,
    mark: IdempotencyMark | null,
    templateVersion: number | null = null,
  ): Promise<SaveOutcome<Activity>> {
    return saveActivity(this.pool, activity, mark, templateVersion);
  }

  forgetMarks(ageMs: number, limit: number): Promise<number> {
    return forgetMarks(this.pool, ageMs, limit);
  }

  keepFact(name: string, valueIfNew: string): Promise<string> {
    return keepFact(this.pool, name, valueIfNew);
  }

  // ---- claims

  commitClaims(batch: ClaimBatch): Promise<CommitOutcome> {
    return this.claims.commit(batch);
  }

  watermarks(): Promise<Watermark[]> {
    return this.claims.watermarks();
  }

  claimBlocks(afterBlock: number): Promise<BlockPage> {
    return this.pool.read((session) => blockPage(session, afterBlock, null));
  }

  countByTemplate(): Promise<{ templateId: number; count: number }[]> {
    return countByTemplate(this.pool);
  }

  wallet(query: WalletQuery): Promise<CouponRow[]> {
    return wallet(this.pool, query);
  }

  coupon(couponId: number): Promise<CouponRow | null> {
    return coupon(this.pool, couponId);
  }

  spentCoupons(couponIds: readonly number[], nowMs: number): Promise<number[]> {
    return spentCoupons(this.pool, couponIds, nowMs);
  }

  // ---- cluster

  changesSince(sequence: number): Promise<CatalogChanges> {
    return changesSince(this.pool, sequence);
  }

  takeFence(logId: number): Promise<{ fence: number; offset: number }> {
    return this.claims.takeFence(logId);
  }

  fillIn(logId: number, entries: Uint8Array): Promise<FillOutcome> {
    return this.claims.fillIn(logId, entries);
  }

  logBlocks(logId: number, fromOffset: number, afterBlock: number): Promise<BlockPage> {
    return this.pool.read((session) => blockPage(session, afterBlock, { logId, fromOffset }));
  }

  admitNode(nodeId: string, profile: 'single' | 'cluster'): Promise<Admission> {
    return admitNode(this.pool, nodeId, profile);
  }

  registerNode(nodeId: string, startId: string, host: string): Promise<'registered' | 'forgotten'> {
    return cluster.registerNode(this.pool, nodeId, startId, host);
  }

  beat(nodeId: string, startId: string): Promise<'ok' | 'forgotten' | 'replaced'> {
    return cluster.beat(this.pool, nodeId, startId);
  }

  nodeStopped(nodeId: string, startId: string): Promise<void> {
    return cluster.nodeStopped(this.pool, nodeId, startId);
  }

  nodes(): Promise<NodeRow[]> {
    return cluster.nodes(this.pool);
  }

  forgetNode(nodeId: string): Promise<void> {
    return cluster.forgetNode(this.pool, nodeId);
  }

  ensureShards(count: number): Promise<void> {
    return shards.ensureShards(this.pool, count);
  }

  shards(): Promise<ShardRow[]> {
    return shards.shards(this.pool);
  }

  members(): Promise<MemberRow[]> {
    return shards.members(this.pool);
  }

  joinShard(shard: number, nodeId: string, incarnation: number): Promise<boolean> {
    return shards.joinShard(this.pool, shard, nodeId, incarnation);
  }

  leaveShard(shard: number, nodeId: string, incarnation: number): Promise<void> {
    return shards.leaveShard(this.pool, shard, nodeId, incarnation);
  }

  declareLost(shard: number, incarnation: number): Promise<void> {
    return shards.declareLost(this.pool, shard, incarnation);
  }

  contributed(shard: number, nodeId: string, incarnation: number): Promise<void> {
    return shards.contributed(this.pool, shard, nodeId, incarnation);
  }

  takeRebuild(shard: number, nodeId: string, patienceMs: number): Promise<shards.TakeOutcome> {
    return shards.takeRebuild(this.pool, shard, nodeId, patienceMs);
  }

  openShard(shard: number, nodeId: string, incarnation: number): Promise<boolean> {
    return shards.openShard(this.pool, shard, nodeId, incarnation);
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}
