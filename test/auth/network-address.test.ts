/** However a proxy writes an address, it is the same one; what is none is none. */
import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/auth/network-address.ts';

const hex = (text: string): string | null => {
  const bytes = parseAddress(text);
  return bytes === null ? null : Buffer.from(bytes).toString('hex');
};

describe('forms of one address', () => {
  test.each([
    [
      'c0000207',
      [
        '192.0.2.7',
        ' 192.0.2.7 ',
        '192.0.2.7:4711',
        '::ffff:192.0.2.7',
        '::FFFF:c000:207',
        '[::ffff:192.0.2.7]:80',
        '0:0:0:0:0:ffff:c000:0207',
      ],
    ],
    [
      '20010db8000000000000000000000001',
      [
        '2001:db8::1',
        '2001:DB8:0:0:0:0:0:1',
        '[2001:db8::1]',
        '[2001:db8::1]:443',
        '2001:0db8:0000::0001',
        '2001:db8::0.0.0.1',
      ],
    ],
    ['fe800000000000000000000000000001', ['fe80::1', 'fe80::1%eth0', '[fe80::1%25eth0]:1']],
    ['00000000000000000000000000000000', ['::', '[::]', '0:0:0:0:0:0:0:0']],
    ['20010db8000000000000000000000000', ['2001:db8::']],
  ])('%s', (bytes, forms) => {
    for (const form of forms) expect({ form, bytes: hex(form) }).toEqual({ form, bytes });
  });

  test.each([
    '',
    ' ',
    'unknown',
    '_hidden',
    'client.example',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.07',
    '192.0.2.7.1',
    '192.0.2.7:',
    '192.0.2.7:x',
    '192.0.2.7:123456',
    '1:2',
    ':',
    ':::',
    '::1::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8:9',
    '1:2:3:4:5:6:7:8::',
    '::12345',
    '::g',
    '[192.0.2.7]',
    '[::1',
    '::1]',
    '[::1]x',
    '[::1]:',
    '[]',
    '[]:1',
    'fe80::1%',
    '192.0.2.7::1',
    '1.2.3.4::',
    '::1.2.3',
    '::1.2.3.4:5',
    '"192.0.2.7"',
    '192.0.2.7, 192.0.2.8',
  ])('%j is none', (text) => {
    expect(hex(text)).toBeNull();
  });
});

test('agrees with Node on what is an address, and with the URL parser on which', () => {
  const group = fc.constantFrom('0', '1', 'ffff', 'AB', '00c0', '12345', 'g', '', '1.2.3.4');
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.array(group, { maxLength: 10 }).map((parts) => parts.join(':')),
    fc
      .tuple(fc.ipV6(), fc.nat(50), fc.constantFrom(':', '.', '0', ''))
      .map(([one, at, put]) => one.slice(0, at) + put + one.slice(at + 1)),
  );
  fc.assert(
    fc.property(text, (one) => {
      const bytes = parseAddress(one);
      // One colon is a port here, and nothing to Node.
      if (one.split(':').length === 2) return;
      expect({ one, is: bytes !== null }).toEqual({ one, is: isIPv4(one) || isIPv6(one) });
      if (bytes === null || !isIPv6(one)) return;
      const canonical = new URL(`http://[${one}]/`).hostname;
      if (bytes.length === 16) expect(hex(canonical)).toBe(hex(one));
      else expect(canonical).toMatch(/^\[::ffff:/);
    }),
    { numRuns: 5000 },
  );
});

test('different addresses are different bytes', () => {
  const words = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(words, (list) => {
      const text = list.map((word) => word.toString(16)).join(':');
      const expected = list.map((word) => word.toString(16).padStart(4, '0')).join('');
      const mapped = /^0{20}ffff/.test(expected);
      expect(hex(text)).toBe(mapped ? expected.slice(24) : expected);
    }),
  );
});
