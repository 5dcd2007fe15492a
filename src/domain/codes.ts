/**
 * From a unit to its code and back. A unit (template, serial) has a place in a code space through the extent it
 * was reserved in; the place, permuted under the installation's key, is what the code shows. Both directions are
 * arithmetic: no code is ever looked up in a table of codes, and a code is known before its coupon exists.
 *
 * A `CodeBook` holds the key and belongs to one thread. The `CodeIndex` holds the extents that are in force.
 */
import { createHmac } from 'node:crypto';
import { formatCode, matchCode, matchTypedCode, shapeOf, spaceOfDefaultCode } from './code-space.ts';
import { Ff1 } from './ff1.ts';
import type { CodeExtent } from './template.ts';
import { capitals, readTyped } from './typed-code.ts';

/** Prepared permutations kept per book, each a cipher of a few hundred bytes; one more costs some 10 µs to prepare. */
const PERMUTATIONS_MAX = 256;

export interface DecodedCode {
  readonly templateId: number;
  readonly serial: number;
}

export class CodeBook {
  readonly #key: Uint8Array;
  readonly #permutations = new Map<string, Ff1>();

  /** Key: 16, 24 or 32 bytes; RangeError otherwise. */
  constructor(key: Uint8Array) {
    if (key.length !== 16 && key.length !== 24 && key.length !== 32) {
      throw new RangeError('the code key has 16, 24 or 32 bytes');
    }
    this.#key = Uint8Array.from(key);
  }

  /**
   * The values (48 bits: low 32 and high 16) of `count` serials of the extent, from `fromSerial` on, written from
   * index `at` on. `codeText` makes codes of them. RangeError when a serial is not in the extent.
   */
  fill(
    extent: CodeExtent,
    fromSerial: number,
    count: number,
    outLo: Uint32Array,
    outHi: Uint16Array,
    at: number,
  ): void {
    const first = placeOf(extent, fromSerial, count);
    this.#permutation(extent.space).encryptRun(first, count, outLo, outHi, at);
  }

  codeText(space: string, value: number): string {
    return formatCode(space, value);
  }

  codeOf(extent: CodeExtent, serial: number): string {
    const place = placeOf(extent, serial, 1);
    return formatCode(extent.space, this.#permutation(extent.space).encrypt(place));
  }

  /**
   * The unit a code belongs to, as people type it (typed-code.ts); null for a text that is no code or one that no
   * extent covers. A code to the letter is always that code. One that might be several others is none.
   */
  decode(text: string, index: CodeIndex): DecodedCode | null {
    const typed = readTyped(text);
    if (typed === null) return null;
    const spaces = index.spacesLike(typed);
    for (const space of spaces) {
      const unit = this.#unitOf(space, matchCode(space, typed), index);
      if (unit !== null) return unit;
    }
    let found: DecodedCode | null = null;
    for (const space of spaces) {
      const unit = this.#unitOf(space, matchTypedCode(space, typed), index);
      if (unit !== null && found !== null) return null;
      found ??= unit;
    }
    return found;
  }

  #unitOf(space: string, value: number | null, index: CodeIndex): DecodedCode | null {
    if (value === null) return null;
    const place = this.#permutation(space).decrypt(value);
    const extent = index.extentAt(space, place);
    return extent === null
      ? null
      : { templateId: extent.templateId, serial: extent.firstSerial + place - extent.offset };
  }

  #permutation(space: string): Ff1 {
    let ff1 = this.#permutations.get(space);
    if (ff1 === undefined) {
      const shape = shapeOf(space);
      ff1 = new Ff1(this.#key, shape.charset.length, shape.places.length, shape.tweak);
      if (this.#permutations.size >= PERMUTATIONS_MAX) {
        // The oldest goes: keys are in the order of insertion.
        for (const oldest of this.#permutations.keys()) {
          this.#permutations.delete(oldest);
          break;
        }
      }
      this.#permutations.set(space, ff1);
    }
    return ff1;
  }
}

/**
 * Extents by space and offset. Which spaces a text may belong to is found without trying them all: a default code
 * names its space, and blanking out the `#` places of another code gives the pattern it must have been made from.
 * Patterns are kept in capitals, and without dashes where those do not matter, because that is how codes are typed.
 */
export class CodeIndex {
  /** Per space, by offset. */
  readonly #bySpace = new Map<string, CodeExtent[]>();
  readonly #spacesByPattern = new Map<string, string[]>();
  /** The distinct layouts of `#` among those patterns, by length. */
  readonly #layoutsByLength = new Map<number, Map<string, readonly number[]>>();

  constructor(extents: Iterable<CodeExtent> = []) {
    for (const extent of extents) this.add(extent);
  }

  /** Adding the same extent again changes nothing; one that overlaps another is an error: a code had two units. */
  add(extent: CodeExtent): void {
    if (extent.length <= 0) return;
    let extents = this.#bySpace.get(extent.space);
    if (extents === undefined) {
      extents = [];
      this.#bySpace.set(extent.space, extents);
      this.#addPattern(extent.space);
    }
    const at = firstBeyond(extents, extent.offset);
    const before = extents[at - 1];
    const after = extents[at];
    if (before !== undefined && isSame(before, extent)) return;
    if (
      (before !== undefined && before.offset + before.length > extent.offset) ||
      (after !== undefined && extent.offset + extent.length > after.offset)
    ) {
      throw new Error(
        `code extents overlap in space ${extent.space} at offset ${extent.offset} (template ${extent.templateId})`,
      );
    }
    extents.splice(at, 0, extent);
  }

  extentAt(space: string, place: number): CodeExtent | null {
    const extents = this.#bySpace.get(space);
    if (extents === undefined) return null;
    const extent = extents[firstBeyond(extents, place) - 1];
    return extent !== undefined && place < extent.offset + extent.length ? extent : null;
  }

  /** Spaces with extents that a code so typed (`readTyped`) may be of, usually at most one. */
  spacesLike(typed: string): readonly string[] {
    const bare = typed.replaceAll('-', '');
    const byDefault = spaceOfDefaultCode(bare);
    const found = byDefault !== null && this.#bySpace.has(byDefault) ? [byDefault] : [];
    for (const text of bare === typed ? [bare] : [typed, bare]) this.#addSpacesOf(capitals(text), found);
    return found;
  }

  #addSpacesOf(text: string, found: string[]): void {
    const layouts = this.#layoutsByLength.get(text.length);
    if (layouts === undefined) return;
    for (const places of layouts.values()) {
      let pattern = '';
      let from = 0;
      for (const place of places) {
        pattern += `${text.slice(from, place)}#`;
        from = place + 1;
      }
      found.push(...(this.#spacesByPattern.get(pattern + text.slice(from)) ?? []));
    }
  }

  /** All spaces with extents; `spacesOverlap` compares a new one with them. */
  spaces(): IterableIterator<string> {
    return this.#bySpace.keys();
  }

  #addPattern(space: string): void {
    if (!space.includes('|')) return;
    const pattern = capitals(shapeOf(space).typed.pattern);
    const alike = this.#spacesByPattern.get(pattern);
    if (alike === undefined) this.#spacesByPattern.set(pattern, [space]);
    else alike.push(space);
    let layouts = this.#layoutsByLength.get(pattern.length);
    if (layouts === undefined) {
      layouts = new Map();
      this.#layoutsByLength.set(pattern.length, layouts);
    }
    const places = [...pattern].flatMap((char, i) => (char === '#' ? [i] : []));
    layouts.set(places.join(), places);
  }
}

/** Names a key without telling it: 16 hex digits, kept with the records so that a wrong key is noticed at start. */
export function keyFingerprint(key: Uint8Array): string {
  return createHmac('sha256', key).update('doorbuster code key').digest('hex').slice(0, 16);
}

function placeOf(extent: CodeExtent, serial: number, count: number): number {
  const i = serial - extent.firstSerial;
  if (!(i >= 0 && count >= 0 && i + count <= extent.length)) {
    throw new RangeError(
      `serials ${serial} + ${count} of template ${extent.templateId} are not in this extent`,
    );
  }
  return extent.offset + i;
}

/** Index of the first extent that begins after the place. */
function firstBeyond(extents: readonly CodeExtent[], place: number): number {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (extents[middle]!.offset <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}

function isSame(a: CodeExtent, b: CodeExtent): boolean {
  return (
    a.offset === b.offset &&
    a.length === b.length &&
    a.firstSerial === b.firstSerial &&
    a.templateId === b.templateId
  );
}

/** The extent of `extents` (all of one template) that covers a unit. */
export function extentOfSerial(extents: readonly CodeExtent[], serial: number): CodeExtent | undefined {
  return extents.find(
    (extent) => extent.firstSerial <= serial && serial < extent.firstSerial + extent.length,
  );
}
