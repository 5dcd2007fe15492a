/** What every store of events must do, whatever the database. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { POSITION_START } from '../../src/domain/event-position.ts';
import type { EventStore, StoredCouponEvent, StoredEvent } from '../../src/ports-events.ts';
import { seeded } from '../support/random.ts';
import { batchOf, type Claim } from './batches.ts';
import { ALICE, BOB, CouponStage, type Opened } from './coupon-stage.ts';

export type OpenedEvents = Opened & { readonly events: EventStore };

export interface EventStoreHome {
  open(): Promise<OpenedEvents>;
  dispose(): Promise<void>;
}

export const nameOf = ({ couponId, sequence, kind }: StoredCouponEvent): string =>
  `${couponId % 2 ** 32}-${sequence} ${kind}`;

/** Without those of templates and activities. */
export function ofCoupons(events: readonly StoredEvent[]): StoredCouponEvent[] {
  return events.filter((event) => event.subject === 'coupon');
}

/** From a position to the end of what is there, in pages of so many: what became of coupons. */
export async function readOn(
  store: EventStore,
  from: string,
  limit: number | (() => number) = 100,
): Promise<{ events: StoredCouponEvent[]; next: string; pages: string[] }> {
  const events: StoredCouponEvent[] = [];
  const pages = [from];
  for (;;) {
    const most = typeof limit === 'number' ? limit : limit();
    const page = await store.read(pages.at(-1)!, most);
    expect(page.events.length).toBeLessThanOrEqual(most);
    events.push(...ofCoupons(page.events));
    if (page.next !== pages.at(-1)) pages.push(page.next);
    if (!page.more) return { events, next: page.next, pages };
  }
}

/** Each coupon's sequences rise by one, from 1 on. */
export function checkOrder(events: readonly StoredCouponEvent[]): void {
  const last = new Map<number, number>();
  for (const event of events) {
    expect([event.couponId, event.sequence]).toEqual([event.couponId, (last.get(event.couponId) ?? 0) + 1]);
    last.set(event.couponId, event.sequence);
    expect(event.kind === 'claimed').toBe(event.sequence === 1);
  }
}

export function eventStoreContract(name: string, newHome: () => Promise<EventStoreHome>): void {
  describe(`events in ${name}`, () => {
    let home: EventStoreHome;
    let store: OpenedEvents;
    let stage: CouponStage;

    beforeEach(async () => {
      home = await newHome();
      store = await home.open();
      stage = new CouponStage(store);
    });

    afterEach(async () => {
      await store.close();
      await home.dispose();
    });

    test('an empty store has none, and its end is its beginning', async () => {
      expect(await store.events.read(POSITION_START, 10)).toEqual({
        events: [],
        next: POSITION_START,
        more: false,
        held: false,
      });
      expect(await store.events.end()).toBe(POSITION_START);
    });

    test('a claim comes before what becomes of its coupon, with all there is to know', async () => {
      const template = await stage.template();
      const atMs = Date.now();
      const a = await stage.claim(template, ALICE, atMs);
      const { redemptionId } = await stage.lock([a]);
      await store.coupons.release({ redemptionId, userId: null });
      await store.coupons.voidCoupon(a, 'a slip');
      const { events } = await readOn(store.events, POSITION_START);
      const common = { couponId: a, userId: ALICE, templateId: template, activityId: null };
      expect(events).toMatchObject([
        { ...common, sequence: 1, kind: 'claimed', atMs, redemptionId: null, detail: null },
        { ...common, sequence: 2, kind: 'locked', redemptionId, detail: null },
        { ...common, sequence: 3, kind: 'released', redemptionId, detail: null },
        { ...common, sequence: 4, kind: 'voided', redemptionId: null, detail: 'a slip' },
      ]);
    });

    test('blocks that grow are read on where they were left', async () => {
      const template = await stage.template();
      let next = POSITION_START;
      for (let i = 0; i < 5; i++) {
        await stage.claim(template, BOB);
        if (i % 2 === 0) await stage.claim(template, ALICE);
        const read = await readOn(store.events, next);
        expect(read.events).toHaveLength(i % 2 === 0 ? 2 : 1);
        next = read.next;
      }
      const { events } = await readOn(store.events, POSITION_START, 3);
      expect(events.map(({ couponId }) => couponId % 2 ** 32)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    });

    test('a block that is full is left behind', async () => {
      const template = await stage.template();
      let offset = 0;
      const fill = async (from: number, count: number): Promise<void> => {
        const claims = Array.from({ length: count }, (_, i): Claim => {
          return { templateId: template, serial: from + i, user: String(from + i + 1), atMs: 1 };
        });
        const batch = batchOf(1, offset, claims);
        expect(await store.commitClaims(batch)).toEqual({ kind: 'committed' });
        offset = batch.toOffset;
      };
      // 819 entries are as many as a shared block takes.
      await fill(0, 819);
      const full = await readOn(store.events, POSITION_START, 100);
      expect(full.events).toHaveLength(819);
      // The catalog's one event is the publishing.
      expect(full.next).toBe('0-1-1');
      await fill(819, 10);
      const more = await readOn(store.events, full.next);
      expect(more.events.map(({ userId }) => Number(userId))).toEqual(
        Array.from({ length: 10 }, (_, i) => 820 + i),
      );
      expect(more.next).toBe('0-2-1-2.10');
    });

    test('from any position on nothing is left out and nothing comes twice', async () => {
      const random = seeded('events');
      const template = await stage.template();
      const seen: StoredCouponEvent[] = [];
      const pages: { position: string; before: number }[] = [{ position: POSITION_START, before: 0 }];
      const usable: number[] = [];
      const logs = new Map<number, number>();
      let serial = 0;
      for (let round = 0; round < 60; round++) {
        const what = random.below(4);
        if (what < 2 || usable.length === 0) {
          const logId = 10 + random.below(3);
          const claims = Array.from({ length: 1 + random.below(12) }, (): Claim => {
            return { templateId: template, serial: serial++, user: ALICE, atMs: Date.now() };
          });
          const batch = batchOf(logId, logs.get(logId) ?? 0, claims);
          expect(await store.commitClaims(batch)).toEqual({ kind: 'committed' });
          logs.set(logId, batch.toOffset);
          usable.push(...claims.map(({ serial }) => template * 2 ** 32 + serial));
        } else if (what === 2) {
          const couponId = usable[random.below(usable.length)]!;
          const { redemptionId } = await stage.lock([couponId]);
          await store.coupons.release({ redemptionId, userId: null });
        } else {
          await store.coupons.voidCoupon(usable.splice(random.below(usable.length), 1)[0]!, 'so');
        }
        if (random.below(3) > 0) continue;
        const page = await store.events.read(pages.at(-1)!.position, 1 + random.below(15));
        seen.push(...ofCoupons(page.events));
        pages.push({ position: page.next, before: seen.length });
      }
      const rest = await readOn(store.events, pages.at(-1)!.position, () => 1 + random.below(9));
      seen.push(...rest.events);
      checkOrder(seen);
      const stored = seen.map(nameOf).sort();
      for (const { position, before } of pages) {
        const { events } = await readOn(store.events, position, () => 1 + random.below(40));
        const all = [...seen.slice(0, before), ...events];
        checkOrder(all);
        expect(all.map(nameOf).sort()).toEqual(stored);
      }
    });

    test('the end is behind what is there, and before what comes', async () => {
      const template = await stage.template();
      const a = await stage.claim(template, ALICE);
      await stage.lock([a]);
      const end = await store.events.end();
      expect((await store.events.read(end, 10)).events).toEqual([]);
      const b = await stage.claim(template, ALICE);
      await stage.lock([b]);
      const { events } = await readOn(store.events, end);
      expect(events.map(nameOf)).toEqual(['1-1 claimed', '1-2 locked']);
    });

    test('some way back', async () => {
      const template = await stage.template();
      for (let i = 0; i < 4; i++) await stage.lock([await stage.claim(template, ALICE)]);
      const { next, events } = await readOn(store.events, POSITION_START);
      expect(events).toHaveLength(8);
      const back = await readOn(store.events, await store.events.before(next, 2));
      expect(back.events.filter(({ kind }) => kind === 'locked')).toHaveLength(2);
      // Blocks come whole.
      expect(back.events.filter(({ kind }) => kind === 'claimed').length).toBeGreaterThanOrEqual(2);
      const all = await readOn(store.events, await store.events.before(next, 1000));
      expect(all.events).toHaveLength(8);
    });

    test('a reader is one holder at a time, and its position is kept', async () => {
      const { events } = store;
      expect(await events.takeReader('r', 'A', 60_000)).toEqual({ position: null });
      expect(await events.takeReader('r', 'B', 60_000)).toBeNull();
      expect(await events.takeReader('other', 'B', 60_000)).toEqual({ position: null });
      expect(await events.moveReader('r', 'A', '3-4')).toBe(true);
      expect(await events.moveReader('r', 'B', '9-9')).toBe(false);
      expect(await events.takeReader('r', 'A', 60_000)).toEqual({ position: '3-4' });
      await events.leaveReader('r', 'B');
      expect(await events.takeReader('r', 'B', 60_000)).toBeNull();
      await events.leaveReader('r', 'A');
      expect(await events.takeReader('r', 'B', 0)).toEqual({ position: '3-4' });
      expect(await events.moveReader('r', 'A', '9-9')).toBe(false);
      // The lease has ended.
      expect(await events.takeReader('r', 'C', 60_000)).toEqual({ position: '3-4' });
    });

    test('what is no position is refused', async () => {
      for (const text of [
        '',
        'now',
        '1',
        '1-',
        '-1-1',
        '1-1-',
        '1-1-2-',
        '1-1-2-3',
        '1-1-2.x',
        `1-${'9'.repeat(16)}`,
      ])
        await expect(store.events.read(text, 1)).rejects.toThrow('is no position');
    });
  });
}
