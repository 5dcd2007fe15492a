/** The templates behind the coupons of a receipts file: `coupon-<Coupon_id>`, found by name or made. */
import { setTimeout as pause } from 'node:timers/promises';
import { callApi } from '../api-client.ts';
import { CommandFailed } from '../failure.ts';
import type { ServerTarget } from '../server-target.ts';
import { listTemplates, type TemplateJson } from '../template-list.ts';
import type { CouponPlan } from './coupon-plans.ts';

const NAME_PREFIX = 'coupon-';
const PRODUCT_LINE = 1;
/** The file says nothing of it; long enough that nothing claimed in a replay expires during one. */
const VALID_DAYS = 365;
/** Requests at once: enough to share syncs of the record store, far from crowding anybody out. */
const CONCURRENCY = 8;
const NEWS_MS_MAX = 5_000;
const NEWS_LOOK_MS = 100;

export interface MadeTemplates {
  /** Template ids by coupon id. */
  readonly ids: ReadonlyMap<string, string>;
  readonly made: number;
  readonly reused: number;
  /** Of the made ones. */
  readonly withoutStock: number;
}

/** Ids of the templates that are there, by coupon id. */
export async function findTemplates(target: ServerTarget): Promise<Map<string, TemplateJson>> {
  const found = new Map<string, TemplateJson>();
  for (const template of await listTemplates(target, { q: NAME_PREFIX }))
    if (template.name.startsWith(NAME_PREFIX)) found.set(template.name.slice(NAME_PREFIX.length), template);
  return found;
}

/** Resolves when the node knows all of them, which other nodes tell it within a second; fails after a few. */
export async function templatesKnown(target: ServerTarget, ids: ReadonlyMap<string, string>): Promise<void> {
  const deadlineMs = Date.now() + NEWS_MS_MAX;
  for (;;) {
    const there = await findTemplates(target);
    const missing = [...ids.keys()].filter((couponId) => there.get(couponId)?.status !== 'published');
    if (missing.length === 0) return;
    if (Date.now() > deadlineMs)
      throw new CommandFailed(
        `${target.url} does not know ${NAME_PREFIX}${missing[0]}: is it a node of the same installation?`,
      );
    await pause(NEWS_LOOK_MS);
  }
}

/** `stockOf`: units for so many distinct users. A draft left by a replay that was interrupted is published as it is. */
export async function makeTemplates(
  target: ServerTarget,
  plans: ReadonlyMap<string, CouponPlan>,
  currency: string,
  stockOf: (users: number) => number,
  onDone: (done: number) => void,
): Promise<MadeTemplates> {
  const there = await findTemplates(target);
  const ids = new Map<string, string>();
  let made = 0;
  let withoutStock = 0;
  const todo = plans.entries();
  const work = async (): Promise<void> => {
    for (const [couponId, plan] of todo) {
      let template = there.get(couponId);
      if (template === undefined) {
        const stock = stockOf(plan.users);
        const body = templateBody(couponId, plan, currency, stock);
        template = (await callApi(target, 'POST', '/v1/templates', body)) as TemplateJson;
        made++;
        if (stock === 0) withoutStock++;
      }
      if (template.status === 'draft') await callApi(target, 'POST', `/v1/templates/${template.id}/publish`);
      ids.set(couponId, template.id);
      onDone(ids.size);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return { ids, made, reused: ids.size - made, withoutStock };
}

function templateBody(couponId: string, { discount }: CouponPlan, currency: string, stock: number): unknown {
  return {
    name: NAME_PREFIX + couponId,
    productLine: PRODUCT_LINE,
    currency,
    discount,
    scope: { all: true },
    validity: { daysAfterClaim: VALID_DAYS },
    stock,
    perUserLimit: 1,
    distribution: 'claim',
  };
}
