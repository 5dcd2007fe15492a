/** The stream of events as those who read it see it. */
import { expect } from 'vitest';
import type { RedisServer } from '../services/redis.ts';

export type StreamEntry = Record<string, string>;

export async function streamOf(redis: RedisServer, key: string): Promise<StreamEntry[]> {
  const entries = (await redis.call('XRANGE', key, '-', '+')) as [string, string[]][];
  return entries.map(([, fields]) =>
    Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1]!] as const] : []))),
  );
}

/** What an event is of, as the first part of its id. */
export function subjectOf({ couponId, type, activityId, templateId }: StreamEntry): string {
  if (couponId !== undefined) return couponId;
  return type!.startsWith('activity_') ? `activity-${activityId}` : `template-${templateId}`;
}

/** Each event where it came first; those of one coupon, template or activity must come in order. */
export function firsts(entries: readonly StreamEntry[]): StreamEntry[] {
  const last = new Map<string, number>();
  return entries.filter((entry) => {
    const subject = subjectOf(entry);
    const sequence = Number(entry.sequence);
    expect(entry.eventId).toBe(`${subject}-${sequence}`);
    const before = last.get(subject) ?? 0;
    if (sequence <= before) return false;
    expect(sequence).toBe(before + 1);
    last.set(subject, sequence);
    return true;
  });
}

/** Without those of templates and activities. */
export function ofCoupons(entries: readonly StreamEntry[]): StreamEntry[] {
  return entries.filter(({ couponId }) => couponId !== undefined);
}
