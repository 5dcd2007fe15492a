/**
 * The record store's coupons, with what their holders' wallets must know: whose coupons a change will be about is
 * announced before its transaction begins, and told after it has ended, before anybody is answered. A process that is
 * killed in between leaves the announcement, and with it no reader who believes what was kept before.
 *
 * Told are repeats and refusals too: whoever made the change may not have come to it yet, and whoever was refused may
 * have read what is no longer so. After a failure the announcement stands: the change may still come.
 */
import type {
  CouponStore,
  LockRequest,
  MoveOutcome,
  Redemption,
  ReturnOutcome,
  RevertOutcome,
  SagaCall,
} from '../ports-coupons.ts';
import { type Changed, patiently } from './patient-changes.ts';
import type { WalletCache } from './wallet-cache.ts';

export interface AnnouncedCouponsOptions {
  readonly store: CouponStore;
  readonly wallets: Pick<WalletCache, 'announce' | 'changed'>;
  /** Whether what is kept of wallets outlives this process: where it does not, there is nothing to announce. */
  readonly announces: boolean;
  /** Whose a coupon is; null: nobody's. */
  readonly holder: (couponId: number) => Promise<string | null>;
  readonly patienceMs?: number;
}

/** Whose wallet a change is about, and which coupons. */
interface About {
  readonly userId: string;
  readonly couponIds: readonly number[];
}

/** Redemptions of which is known what they are about: that never changes. */
const KNOWN_MAX = 10_000;

export function announcedCoupons(options: AnnouncedCouponsOptions): CouponStore {
  const { store, wallets, announces, holder } = options;
  const changed: Changed = patiently(
    (userId, couponIds, change) => wallets.changed(userId, couponIds, change),
    options.patienceMs,
  );
  const known = new Map<number, About>();

  function know(redemption: Redemption): About {
    const about = aboutOf([redemption], redemption.userId);
    if (known.size >= KNOWN_MAX) known.delete(known.keys().next().value!);
    known.set(redemption.redemptionId, about);
    return about;
  }

  async function ofRedemption(redemptionId: number): Promise<About | null> {
    const about = known.get(redemptionId);
    if (about !== undefined) return about;
    const redemption = await store.redemption(redemptionId);
    return redemption === null ? null : know(redemption);
  }

  /** What else a lock may be about: redemptions of its order that give way to it. */
  async function ofLock({ userId, orderId, couponIds, replace }: LockRequest): Promise<About> {
    const others = replace ? await store.redemptionsOfOrder(orderId, userId) : [];
    return withIds(aboutOf(others, userId), couponIds);
  }

  /** `after`: what it turned out to be about besides. */
  async function change<T>(
    before: () => Promise<About | null>,
    make: () => Promise<T>,
    after: (outcome: T) => About | null | Promise<About | null>,
  ): Promise<T> {
    const about = announces ? await before() : null;
    const name = about === null ? null : await wallets.announce(about.userId, about.couponIds);
    let outcome: T;
    try {
      outcome = await make();
    } catch (error) {
      if (about !== null) await changed(about.userId, about.couponIds, null);
      throw error;
    }
    const more = await after(outcome);
    const userId = about?.userId ?? more?.userId;
    if (userId !== undefined)
      await changed(userId, union(about?.couponIds ?? [], more?.couponIds ?? []), name);
    return outcome;
  }

  /** `userId`: whom it is refused to unless it is his; null: nobody. */
  function move<T extends MoveOutcome | RevertOutcome | ReturnOutcome>(
    redemptionId: number,
    make: () => Promise<T>,
    userId: string | null = null,
  ): Promise<T> {
    return change(
      async () => {
        const about = await ofRedemption(redemptionId);
        return userId === null || userId === about?.userId ? about : null;
      },
      make,
      (outcome) => ('redemption' in outcome ? know(outcome.redemption) : null),
    );
  }

  return {
    lock: (request) =>
      change(
        () => ofLock(request),
        () => store.lock(request),
        async (outcome) => {
          const { userId, couponIds } = request;
          if (outcome.kind !== 'locked') return { userId, couponIds };
          // Also those that gave way between the announcement and the lock.
          return withIds(await ofLock(request), know(outcome.redemption).couponIds);
        },
      ),
    use: (request) => move(request.redemptionId, () => store.use(request)),
    release: (request) => move(request.redemptionId, () => store.release(request), request.userId),
    extend: (request) => move(request.redemptionId, () => store.extend(request)),
    revert: (redemptionId) => move(redemptionId, () => store.revert(redemptionId)),
    returnItems: (request) =>
      request.dryRun
        ? store.returnItems(request)
        : move(request.redemptionId, () => store.returnItems(request)),
    saga: (call) =>
      change(
        () => aboutSaga(call, store),
        () => store.saga(call),
        (outcome) => aboutOf(outcome.kind === 'done' ? outcome.redemptions : [], call.userId),
      ),
    voidCoupon: (couponId, reason) => {
      const about = async (): Promise<About | null> => {
        const userId = await holder(couponId);
        return userId === null ? null : { userId, couponIds: [couponId] };
      };
      return change(about, () => store.voidCoupon(couponId, reason), about);
    },
    /** Whom it is about is known afterwards only. Should this process end in between, events tell it. */
    voidSome: async (templateId, afterCouponId, limit, reason) => {
      const some = await store.voidSome(templateId, afterCouponId, limit, reason);
      const byUser = new Map<string, number[]>();
      for (const { userId, couponId } of some.voided) {
        const ids = byUser.get(userId);
        if (ids === undefined) byUser.set(userId, [couponId]);
        else ids.push(couponId);
      }
      await Promise.all([...byUser].map(([userId, ids]) => changed(userId, ids, null)));
      return some;
    },
    redemption: (redemptionId) => store.redemption(redemptionId),
    redemptionsOfOrder: (orderId, userId) => store.redemptionsOfOrder(orderId, userId),
    usages: (query) => store.usages(query),
    used: (templateId) => store.used(templateId),
    history: (couponId) => store.history(couponId),
    /** What time does is decided on read, marked or not. */
    expireSome: (limit) => store.expireSome(limit),
    lapseSome: (limit) => store.lapseSome(limit),
  };
}

async function aboutSaga(call: SagaCall, store: CouponStore): Promise<About> {
  const { userId, orderId } = call;
  if (call.call === 'lock') return { userId, couponIds: call.lock.couponIds };
  return aboutOf(await store.redemptionsOfOrder(orderId, userId), userId);
}

function aboutOf(redemptions: readonly Redemption[], userId: string): About {
  const couponIds = redemptions.flatMap(({ frozen }) => frozen.coupons.map(({ couponId }) => couponId));
  return { userId, couponIds: union(couponIds) };
}

function withIds({ userId, couponIds }: About, more: readonly number[]): About {
  return { userId, couponIds: union(couponIds, more) };
}

function union(...lists: readonly (readonly number[])[]): number[] {
  return [...new Set(lists.flat())];
}
