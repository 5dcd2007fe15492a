import { describe, expect, test } from 'vitest';
import { splitLine } from '../../src/domain/csv-line.ts';

describe('a line of CSV', () => {
  test.each([
    ['a,b,c', ['a', 'b', 'c']],
    ['a,,', ['a', '', '']],
    [' a , b ', ['a', 'b']],
    ['"a","b"', ['a', 'b']],
    ['"a,b",c', ['a,b', 'c']],
    ['"say ""hi""",c', ['say "hi"', 'c']],
    ['"",""', ['', '']],
    ['a,"b"', ['a', 'b']],
    ['"a" , "b"', ['a', 'b']],
    ['"a",', ['a', '']],
  ])('%s', (line, fields) => {
    expect(splitLine(line)).toEqual(fields);
  });

  test.each(['"a', 'a,"b', '"a"b,c', 'a"b,c', '"a""', 'a,b"'])('%s has quotes that do not match', (line) => {
    expect(splitLine(line)).toBeNull();
  });

  test('is split in time that grows with its length only', () => {
    const startMs = performance.now();
    for (const line of [`"a"${','.repeat(200_000)}`, `a${' '.repeat(200_000)}"`, '"'.repeat(200_001)])
      splitLine(line);
    expect(performance.now() - startMs).toBeLessThan(5_000);
  });
});
