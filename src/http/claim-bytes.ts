/**
 * The answer to a won or repeated claim as bytes, patched in place. All such answers of one pool and one code extent
 * have the same length and differ in three numbers; writing those into a prepared buffer spares building, flattening
 * and re-encoding a 220-character string for every claim of the crowd. Whatever does not fit the fixed layout (another
 * number of id digits, a code pattern of the operator's own) takes the way of `claimBody`.
 */
import { Verdict } from '../actors/verdict.ts';
import { iso } from '../claims/claim-text.ts';
import type { PoolView } from '../claims/template-view.ts';
import { couponId } from '../domain/coupon-id.ts';
import { claimBody } from './claim-body.ts';

const DAY_MS = 86_400_000;
/** A default space is named by the ten digits that its codes start with. */
const DEFAULT_SPACE = /^\d{10}$/;
const CODE_DIGITS = 8;
const SPLIT = 100_000_000;

class Layout {
  readonly bytes: Buffer;
  readonly idAt: number;
  readonly idDigits: number;
  readonly codeAt: number;
  readonly claimedAt: number;
  /** Places of the times that move with the claim; -1 where the template's window is fixed. */
  readonly fromAt: number;
  readonly untilAt: number;

  constructor(pool: PoolView, verdict: number, serial: number) {
    const text = claimBody(pool, verdict, serial);
    this.bytes = Buffer.from(text);
    this.idAt = valueAt(text, 'couponId');
    this.idDigits = text.indexOf('"', this.idAt) - this.idAt;
    this.codeAt = valueAt(text, 'couponCode') + 10;
    this.claimedAt = valueAt(text, 'claimedAt');
    const moves = 'daysAfterClaim' in pool.template.template.validity;
    this.fromAt = moves ? valueAt(text, 'validFrom') : -1;
    this.untilAt = moves ? valueAt(text, 'validUntil') : -1;
  }
}

function valueAt(text: string, member: string): number {
  const key = `"${member}":"`;
  return text.indexOf(key) + key.length;
}

/** Layouts by pool, then verdict, then extent. */
const layouts = new WeakMap<PoolView, (Layout | null)[]>();
const VERDICTS = 3;

/** The answer's bytes, valid until the next call; null when `claimBody` must make it. */
export function claimBytes(pool: PoolView, verdict: number, serial: number): Uint8Array | null {
  const { template } = pool;
  const extent = template.extentIndex(serial);
  let known = layouts.get(pool);
  if (known === undefined) {
    known = [];
    layouts.set(pool, known);
  }
  const place = extent * VERDICTS + (verdict === Verdict.claimed ? 1 : 2);
  let layout = known[place];
  if (layout === undefined) {
    layout = DEFAULT_SPACE.test(template.extents[extent].space) ? new Layout(pool, verdict, serial) : null;
    known[place] = layout;
  }
  if (layout === null) return null;

  const id = couponId(template.rules.templateId, serial);
  const high = Math.floor(id / SPLIT);
  if (layout.idDigits <= CODE_DIGITS || digits(high) !== layout.idDigits - CODE_DIGITS) return null;
  const { bytes } = layout;
  writeDigits(bytes, layout.idAt, layout.idDigits - CODE_DIGITS, high);
  writeDigits(bytes, layout.idAt + layout.idDigits - CODE_DIGITS, CODE_DIGITS, id - high * SPLIT);
  writeDigits(bytes, layout.codeAt, CODE_DIGITS, template.units.codeLo(serial));
  const claimedAtMs = template.units.claimedAtMs(serial);
  writeTime(bytes, layout.claimedAt, iso(claimedAtMs));
  if (layout.fromAt >= 0) {
    const { validity } = template.template;
    if (!('daysAfterClaim' in validity)) return null;
    writeTime(bytes, layout.fromAt, iso(claimedAtMs));
    writeTime(bytes, layout.untilAt, untilText(claimedAtMs + validity.daysAfterClaim * DAY_MS));
  }
  return bytes;
}

function digits(value: number): number {
  let n = 1;
  for (let bound = 10; value >= bound; bound *= 10) n++;
  return n;
}

function writeDigits(bytes: Uint8Array, at: number, count: number, value: number): void {
  let rest = value;
  for (let i = at + count - 1; i >= at; i--) {
    const tens = Math.floor(rest / 10);
    bytes[i] = 48 + (rest - tens * 10);
    rest = tens;
  }
}

function writeTime(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}

let untilMs = -1;
let untilIso = '';

function untilText(ms: number): string {
  if (ms !== untilMs) {
    untilMs = ms;
    untilIso = new Date(ms).toISOString();
  }
  return untilIso;
}
