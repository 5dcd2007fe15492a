/** The JSON of a won or repeated claim, as text. */
import { Verdict } from '../actors/verdict.ts';
import { couponCodeText, couponIdText, iso } from '../claims/claim-text.ts';
import type { PoolView } from '../claims/template-view.ts';

const DAY_MS = 86_400_000;

export function claimBody(pool: PoolView, verdict: number, serial: number): string {
  const view = pool.template;
  const claimedAtMs = view.units.claimedAtMs(serial);
  const { validity } = view.template;
  const activityId = pool.rules.activityId;
  const claimedAt = iso(claimedAtMs);
  const head =
    verdict === Verdict.claimed
      ? '{"status":"claimed","couponId":"'
      : '{"status":"already_claimed","couponId":"';
  const window =
    'daysAfterClaim' in validity
      ? `","validFrom":"${claimedAt}","validUntil":"${new Date(claimedAtMs + validity.daysAfterClaim * DAY_MS).toISOString()}"}`
      : fixedWindow(pool);
  const activity = activityId === 0 ? '' : `","activityId":"${activityId}`;
  return `${head}${couponIdText(view, serial)}","couponCode":"${couponCodeText(view, serial)}","templateId":"${view.rules.templateId}${activity}","claimedAt":"${claimedAt}${window}`;
}

const windows = new WeakMap<PoolView, string>();

function fixedWindow(pool: PoolView): string {
  let text = windows.get(pool);
  if (text === undefined) {
    const { validity } = pool.template.template;
    if ('daysAfterClaim' in validity) throw new Error('a relative validity has no fixed window');
    const from = new Date(validity.fromMs).toISOString();
    text = `","validFrom":"${from}","validUntil":"${new Date(validity.untilMs).toISOString()}"}`;
    windows.set(pool, text);
  }
  return text;
}
