/** Messages as clients send them, from the bytes to what they mean. */
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { decode } from '../../src/live/codec.ts';
import { parseMessage } from '../../src/live/messages.ts';

const packr = new Packr({ useRecords: false });

function fromJson(text: string) {
  return parseMessage(decode('doorbuster.json', new TextEncoder().encode(text).buffer as ArrayBuffer, false));
}

function fromMsgpack(value: unknown) {
  const bytes = new Uint8Array(packr.pack(value));
  return parseMessage(decode('doorbuster.msgpack', bytes.buffer, true));
}

describe('a number that is not the one that was written', () => {
  it.each([
    '1.00000000000000000001',
    '9.9999999999999999999e-1',
    '10000000000000000001e-19',
    '9007199254740993',
  ])('%s is no id in JSON', (literal) => {
    for (const [before, after] of [
      ['{"op":"claim","id":1,"templateId":', '}'],
      ['{"op":"claim","id":1,"activityId":', '}'],
      ['{"op":"watch","activityId":', '}'],
      ['{"op":"claim","templateId":1,"id":', '}'],
    ] as const)
      expect(fromJson(before + literal + after)).toMatchObject({ op: 'malformed' });
    const batch = fromJson(`{"op":"claims","id":1,"templateId":1,"userIds":["7",${literal},8]}`);
    expect(batch).toMatchObject({ op: 'claims' });
    const [first, second, third] = (batch as Extract<typeof batch, { op: 'claims' }>).userIds;
    expect([first, third]).toEqual(['7', 8]);
    expect(Number.isSafeInteger(second)).toBe(false);
  });

  it.each([1.5, 2 ** 53, 2n ** 53n, -1n, Number.NaN, Number.POSITIVE_INFINITY])(
    '%s is none in MessagePack',
    (id) => {
      expect(fromMsgpack({ op: 'claim', id: 1, templateId: id })).toMatchObject({ op: 'malformed' });
      expect(fromMsgpack({ op: 'unwatch', activityId: id })).toMatchObject({ op: 'malformed' });
    },
  );

  it('is one in any other way of writing an integer', () => {
    const claim = { op: 'claim', id: 1, target: { templateId: 12, activityId: 0 }, key: null };
    expect(fromJson('{"op":"claim","id":1.0,"templateId":1.20e1}')).toEqual(claim);
    expect(fromMsgpack({ op: 'claim', id: 1n, templateId: 12n })).toEqual(claim);
  });
});
