/** Users' wallets: the record store's coupons behind caches, with the claims that are acknowledged and not stored yet. */
import { randomBytes } from 'node:crypto';
import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogFollower } from '../catalog/catalog-follow.ts';
import type { Engine } from '../engine/engine.ts';
import type { Logger } from '../logger.ts';
import type { RecordStore } from '../ports.ts';
import type { CouponStore } from '../ports-coupons.ts';
import type { StoredEvent } from '../ports-events.ts';
import { announcedCoupons } from '../wallet/announced-coupons.ts';
import { RedisWalletL2 } from '../wallet/redis-wallet-l2.ts';
import { UnseenClaims } from '../wallet/unseen-claims.ts';
import { type Elsewhere, Wallet } from '../wallet/wallet.ts';
import { WalletCache } from '../wallet/wallet-cache.ts';
import type { SharedNode } from './shared-node.ts';

export interface WalletParts {
  readonly store: RecordStore;
  readonly coupons: CouponStore;
  readonly engine: Engine;
  readonly catalog: Catalog;
  /** Null where no other node changes the catalog. */
  readonly follower: CatalogFollower | null;
  readonly shared: SharedNode | null;
  readonly ownerThreads: number;
  readonly log: Logger;
}

export interface Wallets {
  readonly wallet: Wallet;
  /** The record store's: each change is answered once nobody reads what was before. */
  readonly coupons: CouponStore;
  /** Whose a coupon is; null: nobody's. */
  readonly holder: (couponId: number) => Promise<string | null>;
  /** To be called with all events of coupons: they tell what could not be told when it was changed. */
  readonly retell: (events: readonly StoredEvent[]) => Promise<void>;
}

export function composeWallets(parts: WalletParts): Wallets {
  const { store, engine, shared, log } = parts;
  const others = engine.topology.elsewhere;
  const cache = new WalletCache({
    store,
    l2: shared === null ? null : walletL2(shared, others !== null),
    log,
  });
  const elsewhere = elsewhereOf(parts);
  const wallet = new Wallet({
    store: cache,
    templates: () => engine.templates.all(),
    template: (templateId) => engine.templates.get(templateId),
    ...(elsewhere === null ? {} : { elsewhere }),
    ...(others === null ? {} : { isStored: (templateId: number) => others.isStored(templateId) }),
  });
  const holder = async (couponId: number) => (await wallet.coupon(couponId))?.userId ?? null;
  const coupons = announcedCoupons({
    store: parts.coupons,
    wallets: cache,
    announces: others !== null,
    holder,
  });
  return { wallet, coupons, holder, retell: (events) => cache.retell(events) };
}

/** Null where no other node acknowledges claims. */
function elsewhereOf({ engine, catalog, follower, ownerThreads }: WalletParts): Elsewhere | null {
  const others = engine.topology.elsewhere;
  if (others === null) return null;
  const unseen = new UnseenClaims({
    templates: async () => {
      await follower?.known();
      return catalog.templates();
    },
    view: (templateId) => engine.templates.get(templateId),
    owners: ownerThreads,
  });
  return { barrier: others.barrier, unseen };
}

/**
 * A node killed between a change and the end of what was kept of it leaves a wallet as it was before. Who is alone
 * therefore begins with nothing; nodes that share their wallets announce each change to one another before it begins.
 */
function walletL2({ redis, installation }: SharedNode, isOneOfMany: boolean): RedisWalletL2 {
  const life = randomBytes(6).toString('hex');
  return new RedisWalletL2({ redis, installation: isOneOfMany ? installation : `${installation}:${life}` });
}
