/** Why only the spaces of patterns are compared with one that is asked for. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultSpaces, patternSpace, spacesOverlap } from '../../src/domain/code-space.ts';
import { rivalOf } from '../../src/records/code-rivals.ts';

const defaults = fc
  .record({ line: fc.nat(99), kind: fc.nat(99), day: fc.nat(20_000), id: fc.integer({ min: 1, max: 9999 }) })
  .map(({ line, kind, day, id }) => defaultSpaces(line, kind, day * 86_400_000, id)[0]!.space);

/** Many of them as long as default codes, and made of digits. */
const patterns = fc
  .record({
    pattern: fc.oneof(
      fc.string({ unit: fc.constantFrom(...'#0123456789'), minLength: 18, maxLength: 18 }),
      fc.string({ unit: fc.constantFrom(...'##0189AB-'), minLength: 8, maxLength: 18 }),
    ),
    charset: fc.constantFrom('0123456789', 'ABCDEFGH', '01', '0123456789ABCDEF', 'OI'),
  })
  .map((code) => patternSpace(code))
  .filter((space) => space.ok)
  .map((space) => (space.ok ? space.value.space : ''));

test('no pattern that is accepted shares a code with a default space, nor do two default spaces', () => {
  fc.assert(
    fc.property(defaults, defaults, patterns, (one, other, pattern) => {
      expect(spacesOverlap(one, pattern)).toBe(false);
      if (one !== other) expect(spacesOverlap(one, other)).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test('a space is no rival of itself, and one is found wherever it stands', () => {
  fc.assert(
    fc.property(patterns, fc.array(patterns, { maxLength: 8 }), (space, others) => {
      const inUse = [...others, space].map((name, i) => ({ space: name, templateId: i + 1 }));
      const rivals = inUse.filter((other) => other.space !== space && spacesOverlap(other.space, space));
      expect(rivalOf(space, inUse)).toEqual(rivals[0] ?? null);
    }),
  );
});
