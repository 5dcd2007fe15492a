/**
 * The rows against the claims they were made from, and both against the codes that must be theirs. Rows come in the
 * order of their ids, so codes are asked for in runs.
 */
import { couponId, serialOfCoupon, templateOfCoupon } from '../domain/coupon-id.ts';
import type { Validity } from '../domain/template.ts';
import { parseUserId } from '../domain/user-id.ts';
import type { Claims } from './check-units.ts';
import { type ClaimList, couponName } from './claim-list.ts';
import type { CodeRules, RowFact } from './facts.ts';
import type { Findings } from './report.ts';

const DAY_MS = 86_400_000;
const TWO_32 = 0x1_0000_0000;

/** Takes rows one by one in the order of their ids; `finish` names claims that have none. */
export class RowCheck {
  private readonly claims: Claims;
  private readonly codes: CodeRules | null;
  private readonly found: Findings;
  private readonly codeFindings: Findings;
  private readonly hasRow: Uint8Array;
  private readonly user = new Uint32Array(2);
  /** Rows with a code that is not theirs, by that code: two of them may share one. */
  private readonly strays = new Map<string, number>();

  constructor(claims: Claims, codes: CodeRules | null, rowFindings: Findings, codeFindings: Findings) {
    this.claims = claims;
    this.codes = codes;
    this.found = rowFindings;
    this.codeFindings = codeFindings;
    this.hasRow = new Uint8Array(claims.list.stored);
  }

  add(row: RowFact): void {
    const { codes, found, hasRow } = this;
    const { list, templates } = this.claims;
    found.checked++;
    const templateId = templateOfCoupon(row.couponId);
    const serial = serialOfCoupon(row.couponId);
    const codeIsRight = this.hasItsCode(row, templateId, serial);
    const units = templates.get(templateId);
    const claim = units === undefined || serial >= units.template.total ? -1 : units.claimOf(serial);
    if (claim < 0) {
      const original = codes?.couponOf(row.code) ?? null;
      const copy =
        original === null || original === row.couponId
          ? ''
          : `; it has the code of coupon ${original}: a double?`;
      found.problem(
        () => `${couponName(templateId, serial)}: a row of user ${row.userId} without a claim${copy}`,
      );
      return;
    }
    list.seek(claim);
    if (claim >= list.stored) {
      found.problem(
        () => `${list.coupon()}: a row is there, but its claim by user ${list.user()} is only in the log`,
      );
      return;
    }
    if (hasRow[claim] !== 0) {
      found.problem(() => `${list.coupon()}: doubled, there is more than one row`);
      return;
    }
    hasRow[claim] = 1;
    const edited = differences(row, templateId, list, units!.template.validity, this.user);
    if (!codeIsRight) edited.push('code');
    if (codes !== null && codeUnder(list) !== codes.valueOf(templateId, serial))
      wrongValue(list, this.codeFindings);
    if (edited.length > 0) found.problem(() => `${list.coupon()}: edited: ${edited.join(', ')}`);
  }

  /** `hadRows`: all rows were added, so that a claim without one has lost it. */
  finish(hadRows: boolean): void {
    const { codes, codeFindings, found, hasRow } = this;
    const { list, templates } = this.claims;
    for (const units of templates.values()) {
      const { templateId, total } = units.template;
      units.forEach(0, total, (serial, claim) => {
        if (claim < list.stored && hasRow[claim] !== 0) return;
        list.seek(claim);
        if (codes !== null) {
          codeFindings.checked++;
          if (codeUnder(list) !== codes.valueOf(templateId, serial)) wrongValue(list, codeFindings);
        }
        if (hadRows && claim < list.stored) {
          found.problem(
            () =>
              `coupon ${couponId(templateId, serial)}: missing: user ${list.user()} claimed it, the row is gone`,
          );
        }
      });
    }
    for (const fault of codes?.faults ?? []) codeFindings.problem(() => fault);
  }

  /** Whether a row's code is that of its id. */
  private hasItsCode(row: RowFact, templateId: number, serial: number): boolean {
    const { codes, strays, codeFindings } = this;
    if (codes === null) return true;
    codeFindings.checked++;
    if (row.code === codes.codeOf(templateId, serial)) return true;
    const owner = codes.couponOf(row.code) ?? strays.get(row.code) ?? null;
    if (owner === null || owner === row.couponId) strays.set(row.code, row.couponId);
    const whose =
      owner === null ? 'is no code of this installation' : `is that of coupon ${owner}: not unique`;
    codeFindings.problem(() => `${couponName(templateId, serial)}: its code ${row.code} ${whose}`);
    return false;
  }
}

/** The fields of a row, other than its code, that are not as its claim under the cursor says. */
function differences(
  row: RowFact,
  templateId: number,
  { words, at }: ClaimList,
  validity: Validity | undefined,
  user: Uint32Array,
): string[] {
  const edited: string[] = [];
  if (!parseUserId(row.userId, user) || user[0] !== words[at + 2] || user[1] !== words[at + 3])
    edited.push('user');
  if (row.templateId !== templateId) edited.push('template');
  if (row.activityId !== words[at + 4]) edited.push('activity');
  const claimedAtMs = (words[at + 6] >>> 16) * TWO_32 + words[at + 7];
  if (row.claimedAtMs !== claimedAtMs) edited.push('claimedAt');
  if (validity !== undefined) {
    const days = 'daysAfterClaim' in validity ? validity.daysAfterClaim : null;
    const fromMs = 'daysAfterClaim' in validity ? claimedAtMs : validity.fromMs;
    const untilMs = 'daysAfterClaim' in validity ? claimedAtMs + days! * DAY_MS : validity.untilMs;
    if (row.validFromMs !== undefined && row.validFromMs !== fromMs) edited.push('validFrom');
    if (row.validUntilMs !== undefined && row.validUntilMs !== untilMs) edited.push('validUntil');
  }
  return edited;
}

function codeUnder({ words, at }: ClaimList): number {
  return (words[at + 6] & 0xffff) * TWO_32 + words[at + 5];
}

function wrongValue(list: ClaimList, found: Findings): void {
  found.problem(
    () => `${list.coupon()}: the claim of user ${list.user()} holds a code that is not this coupon's`,
  );
}
