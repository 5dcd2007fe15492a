/** What this node can be asked for, apart from claims: the use cases over its stores, for all faces. */
import { liveAudit } from '../audit/live-audit.ts';
import type { Catalog } from '../catalog/catalog.ts';
import { logRoot } from '../claimlog/segment.ts';
import type { Config } from '../config.ts';
import { CodeBook, type CodeIndex } from '../domain/codes.ts';
import { couponId } from '../domain/coupon-id.ts';
import type { Engine } from '../engine/engine.ts';
import type { Logger } from '../logger.ts';
import type { AuditOptions } from '../operations/audits.ts';
import { refusalToAll } from '../operations/claimability.ts';
import type { ClaimableReads } from '../operations/claimables.ts';
import type { CouponReads } from '../operations/coupons.ts';
import { findBest } from '../operations/find-best.ts';
import type { LockTerms } from '../operations/lock-order.ts';
import { Quotes } from '../operations/quotes.ts';
import { Redemptions } from '../operations/redemptions.ts';
import { Sagas } from '../operations/sagas.ts';
import type { TemplateReads } from '../operations/templates.ts';
import { UnstoredClaims } from '../operations/unstored-claims.ts';
import { Voids } from '../operations/voids.ts';
import type { RecordStore } from '../ports.ts';
import type { CouponStore } from '../ports-coupons.ts';
import type { EventStore } from '../ports-events.ts';
import { realClock } from '../workers/real-clock.ts';
import type { Wallets } from './wallets.ts';

export interface OperationParts {
  readonly config: Config;
  readonly codeKey: Buffer;
  readonly stores: {
    readonly store: RecordStore;
    readonly events: EventStore;
  };
  /** The database, where it is a file. */
  readonly storeFile: string;
  readonly engine: Engine;
  readonly catalog: Catalog;
  readonly codeIndex: CodeIndex;
  readonly wallets: Wallets;
  readonly now: () => number;
  readonly logger: Logger;
}

export interface Operations {
  readonly templates: TemplateReads;
  readonly coupons: CouponReads;
  readonly claimables: ClaimableReads;
  readonly quotes: Quotes;
  readonly redemptions: Redemptions;
  readonly usages: CouponStore['usages'];
  readonly lockTerms: LockTerms;
  readonly sagas: Sagas;
  readonly voids: Voids;
  readonly events: Pick<EventStore, 'read' | 'end'>;
  readonly audit: AuditOptions;
}

export function composeOperations(parts: OperationParts): Operations {
  const { config, codeKey, stores, engine, catalog, codeIndex, wallets, now, logger } = parts;
  const { store, events } = stores;
  const { wallet, coupons: couponStore, holder } = wallets;
  const view = (templateId: number) => engine.templates.get(templateId);
  const remaining = (templateId: number, activityId: number) =>
    engine.stock.remaining(templateId, activityId);

  const codes = new CodeBook(codeKey);
  const couponOfCode = (code: string): number | null => {
    const unit = codes.decode(code, codeIndex);
    return unit === null ? null : couponId(unit.templateId, unit.serial);
  };
  const quotes = new Quotes({
    wallet,
    template: (templateId) => catalog.template(templateId),
    findBest: findBest((task) => engine.compute.findBest(task)),
  });
  const unstored = new UnstoredClaims({
    wallet,
    isStored: async (id) => (await store.coupon(id)) !== null,
    hurry: () => engine.sink.hurry(),
    now,
    sleep: (ms) => realClock.sleep(ms),
  });
  return {
    templates: {
      catalog,
      stockOf: async (templateId) => (await engine.stock.exactly(templateId))!,
      remaining,
      refusesAll: (templateId, nowMs) => refusalToAll(view(templateId), nowMs),
      used: (templateId) => couponStore.used(templateId),
    },
    coupons: {
      wallet,
      template: view,
      history: (id) => couponStore.history(id),
      couponOfCode,
    },
    claimables: {
      wallet,
      templates: () => engine.templates.all(),
      remaining,
      spent: (couponIds, nowMs) => store.spentCoupons(couponIds, nowMs),
    },
    quotes,
    redemptions: new Redemptions({ store: couponStore, unstored, quotes, now }),
    usages: (query) => couponStore.usages(query),
    lockTerms: { couponOfCode, lockTtlMs: config.lockTtlSeconds * 1000 },
    sagas: new Sagas({ store: couponStore, unstored }),
    voids: new Voids({
      store: couponStore,
      hasTemplate: (templateId) => catalog.template(templateId) !== undefined,
      holder,
      isStored: (templateId) => isStored(engine, templateId),
      unstored,
      now,
    }),
    events,
    audit: {
      audit: liveAudit({
        ...(config.mysqlUrl === null ? { storeFile: parts.storeFile } : { mysqlUrl: config.mysqlUrl }),
        logRoot: logRoot(config.dataDir),
        codeKey,
        liveLogs: () => engine.sink.liveLogs(),
        streams: () => engine.topology.streamPlace(),
        snapshot: () => engine.stock.snapshot(),
      }),
      onFailure: (error) => logger.error({ err: error }, 'audit failed'),
    },
  };
}

/** Whether all claims of a template that were acknowledged here are in the record store. */
function isStored(engine: Engine, templateId: number): boolean {
  const view = engine.templates.get(templateId);
  if (view === undefined) return true;
  const others = engine.topology.elsewhere;
  return others === null ? view.claimedUnits <= view.flushed : others.isStored(templateId);
}
