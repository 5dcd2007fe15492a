import { expect, test } from 'vitest';
import { POSITION_START, parsePosition, positionText } from '../../src/domain/event-position.ts';

test('a position of before there were events of the catalog says that none has been read', () => {
  expect(parsePosition('12-7-6.10-7.2')).toEqual({
    event: 12,
    block: 7,
    catalog: 0,
    open: new Map([
      [6, 10],
      [7, 2],
    ]),
  });
  expect(positionText(parsePosition('12-7-6.10-7.2')!)).toBe('12-7-6.10-7.2');
  expect(positionText(parsePosition(POSITION_START)!)).toBe(POSITION_START);
});

test.each(['1-2-3', '1-2-3-4.5', '1-2-4.5', '0-0-9'])('%s is read as it was written', (text) => {
  expect(positionText(parsePosition(text)!)).toBe(text);
});

test.each(['1-2-', '1-2-3-4', '1-2-3.4-5', '1', '1-2-1234567890123456'])('%s is none', (text) => {
  expect(parsePosition(text)).toBeNull();
});
