/** One pass over the headers sees what a look-up of the first one cannot. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RequestHeaders } from '../../src/http/request-headers.ts';

type Line = readonly [name: string, value: string];

function requestOf(lines: readonly Line[]) {
  return {
    forEach: (each: (name: string, value: string) => void): void => {
      for (const [name, value] of lines) each(name, value);
    },
  };
}

const ONCE = ['x-user-id', 'x-gateway-key', 'authorization', 'idempotency-key', 'origin'];
const OTHERS = ['host', 'x-forwarded-for', 'content-length', 'transfer-encoding', 'accept', 'x-user-ip'];
const line = fc.tuple(
  fc.constantFrom(...ONCE, ...OTHERS),
  fc.constantFrom('', '0', '2', '+2', 'chunked', 'Chunked', 'gzip, chunked', 'a', 'b'),
);
const requests = fc.array(fc.array(line, { maxLength: 10 }), { minLength: 1, maxLength: 4 });

/** RFC 9112 §6.3 as a list of what makes the end of a request certain. */
function endIsCertain(lines: readonly Line[]): boolean {
  const lengths = lines.filter(([name]) => name === 'content-length').map(([, value]) => value);
  const codings = lines.filter(([name]) => name === 'transfer-encoding').map(([, value]) => value);
  if (lengths.length > 0 && codings.length > 0) return false;
  if (new Set(lengths).size > 1 || !lengths.every((value) => /^\d+$/.test(value))) return false;
  return codings.length === 0 || (codings.length === 1 && codings[0].toLowerCase() === 'chunked');
}

test('what it says of a request does not depend on the one before', () => {
  const headers = new RequestHeaders();
  fc.assert(
    fc.property(requests, (list) => {
      for (const lines of list) {
        headers.read(requestOf(lines));
        const valuesOf = (name: string) => lines.filter(([one]) => one === name).map(([, value]) => value);
        const twice = ONCE.filter((name) => valuesOf(name).length > 1);
        const repeated = headers.repeatedProblem();
        expect(repeated === null).toBe(twice.length === 0);
        if (repeated !== null) {
          expect(repeated.code).toBe('invalid_request');
          const [{ field }] = repeated.extra!.errors as { field: string }[];
          expect(twice).toContain(field.toLowerCase());
        }
        for (const name of [...ONCE, 'x-forwarded-for'])
          if (name !== 'origin') expect(headers.reader(name)).toBe(valuesOf(name).at(-1) ?? '');
        expect(headers.origin).toBe(valuesOf('origin').at(-1) ?? '');
        expect(headers.framed).toBe(
          lines.some(([name]) => name === 'content-length' || name === 'transfer-encoding'),
        );
        expect(headers.framingProblem() === null).toBe(endIsCertain(lines));
      }
    }),
    { numRuns: 2000 },
  );
});
