/** The coupon behind a unit of the classic design, and its answer: the same members and sizes as Doorbuster's. */

/** As Doorbuster numbers its coupons, so that both store keys of one width. */
const SERIALS = 2 ** 32;
const CODES = 100_000_000;
/** Odd and no multiple of five: multiplying by it permutes eight decimal digits. */
const SPREAD = 61_803_399;
/**
 * Doorbuster's codes are enciphered; here a multiplication has to do, which costs nothing worth naming. Adding
 * `CODES` to the eight digits supplies the tenth digit of the space and keeps their leading zeros.
 */
const SPACE_DIGITS = '010326111';
const DAY_MS = 86_400_000;
export const DAYS_VALID = 30;

/** Safe for template ids below 2^21. */
export function couponId(templateId: number, serial: number): number {
  return templateId * SERIALS + serial;
}

/** 18 digits; serials below 10^8 have different ones. */
export function couponCode(serial: number): string {
  return `${SPACE_DIGITS}${CODES + ((serial * SPREAD) % CODES)}`;
}

export function validUntilMs(claimedAtMs: number): number {
  return claimedAtMs + DAYS_VALID * DAY_MS;
}

let isoMs = -1;
let claimedIso = '';
let untilIso = '';

/** Formats once a millisecond: a crowd shares it. */
function formatTimes(claimedAtMs: number): void {
  if (claimedAtMs === isoMs) return;
  isoMs = claimedAtMs;
  claimedIso = new Date(claimedAtMs).toISOString();
  untilIso = new Date(validUntilMs(claimedAtMs)).toISOString();
}

export interface CouponAnswer {
  readonly status: 'claimed' | 'already_claimed';
  readonly couponId: string;
  readonly couponCode: string;
  readonly templateId: string;
  readonly claimedAt: string;
  readonly validFrom: string;
  readonly validUntil: string;
}

type Status = CouponAnswer['status'];

export function answerObject(
  status: Status,
  templateId: number,
  serial: number,
  claimedAtMs: number,
): CouponAnswer {
  formatTimes(claimedAtMs);
  return {
    status,
    couponId: String(couponId(templateId, serial)),
    couponCode: couponCode(serial),
    templateId: String(templateId),
    claimedAt: claimedIso,
    validFrom: claimedIso,
    validUntil: untilIso,
  };
}

export function answerText(status: Status, templateId: number, serial: number, claimedAtMs: number): string {
  formatTimes(claimedAtMs);
  return `{"status":"${status}","couponId":"${couponId(templateId, serial)}","couponCode":"${couponCode(serial)}","templateId":"${templateId}","claimedAt":"${claimedIso}","validFrom":"${claimedIso}","validUntil":"${untilIso}"}`;
}

function problem(status: number, code: string, title: string, detail: string): string {
  return JSON.stringify({
    type: `https://doorbuster.dev/problems/${code.replaceAll('_', '-')}`,
    title,
    status,
    code,
    detail,
  });
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';
export const SOLD_OUT = problem(409, 'sold_out', 'Sold out', 'No coupon is left.');
export const NOT_FOUND = problem(404, 'not_found', 'Not found', 'There is no such template.');
export const NO_USER = problem(401, 'unauthenticated', 'Not signed in', 'X-User-Id must name the user.');
export const UNAVAILABLE = problem(503, 'unavailable', 'Unavailable', 'The claim could not be decided.');
