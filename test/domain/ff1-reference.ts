/**
 * FF1 word by word from NIST SP 800-38G (algorithms 7 and 8), on numeral arrays and BigInt: slow, obvious and
 * sharing nothing with the one in src. The step numbers are the standard's.
 */
import { createCipheriv } from 'node:crypto';

type Numerals = readonly number[];

function num(radix: number, x: Numerals): bigint {
  let value = 0n;
  for (const digit of x) value = value * BigInt(radix) + BigInt(digit);
  return value;
}

function str(radix: number, length: number, value: bigint): number[] {
  const digits: number[] = [];
  for (let i = 0; i < length; i++) {
    digits.unshift(Number(value % BigInt(radix)));
    value /= BigInt(radix);
  }
  return digits;
}

function bytes(value: bigint, length: number): Uint8Array {
  return Uint8Array.from(str(256, length, value));
}

function aes(key: Uint8Array, block: Uint8Array): Uint8Array {
  return createCipheriv(`aes-${key.length * 8}-ecb`, key, null)
    .setAutoPadding(false)
    .update(block);
}

function prf(key: Uint8Array, message: Uint8Array): Uint8Array {
  let y: Uint8Array = new Uint8Array(16);
  for (let at = 0; at < message.length; at += 16) {
    const previous = y;
    y = aes(
      key,
      message.subarray(at, at + 16).map((byte, i) => byte ^ previous[i]!),
    );
  }
  return y;
}

/** ceil(v * log2(radix)) without floating point: the bits of radix^v - 1. */
function bitsOf(radix: number, v: number): number {
  return (BigInt(radix) ** BigInt(v) - 1n).toString(2).length;
}

function roundValue(
  key: Uint8Array,
  radix: number,
  n: number,
  tweak: Uint8Array,
  i: number,
  half: bigint,
): bigint {
  const u = Math.floor(n / 2); // 1
  const v = n - u;
  const t = tweak.length;
  const b = Math.ceil(bitsOf(radix, v) / 8); // 3
  const d = 4 * Math.ceil(b / 4) + 4; // 4
  const p = Buffer.concat([
    Uint8Array.of(1, 2, 1),
    bytes(BigInt(radix), 3),
    Uint8Array.of(10, u % 256),
    bytes(BigInt(n), 4),
    bytes(BigInt(t), 4),
  ]); // 5
  const zeros = (((-t - b - 1) % 16) + 16) % 16;
  const q = Buffer.concat([tweak, new Uint8Array(zeros), Uint8Array.of(i), bytes(half, b)]); // 6.i
  const r = prf(key, Buffer.concat([p, q])); // 6.ii
  const blocks = [r]; // 6.iii
  for (let j = 1; j < Math.ceil(d / 16); j++) {
    const counter = bytes(BigInt(j), 16);
    blocks.push(
      aes(
        key,
        r.map((byte, k) => byte ^ counter[k]!),
      ),
    );
  }
  return num(256, [...Buffer.concat(blocks).subarray(0, d)]); // 6.iv
}

export function ff1Encrypt(key: Uint8Array, radix: number, tweak: Uint8Array, x: Numerals): number[] {
  const n = x.length;
  const u = Math.floor(n / 2);
  const v = n - u;
  let a = x.slice(0, u);
  let b = x.slice(u);
  for (let i = 0; i < 10; i++) {
    const y = roundValue(key, radix, n, tweak, i, num(radix, b));
    const m = i % 2 === 0 ? u : v;
    const c = (num(radix, a) + y) % BigInt(radix) ** BigInt(m);
    a = b;
    b = str(radix, m, c);
  }
  return [...a, ...b];
}

export function ff1Decrypt(key: Uint8Array, radix: number, tweak: Uint8Array, x: Numerals): number[] {
  const n = x.length;
  const u = Math.floor(n / 2);
  const v = n - u;
  let a = x.slice(0, u);
  let b = x.slice(u);
  for (let i = 9; i >= 0; i--) {
    const y = roundValue(key, radix, n, tweak, i, num(radix, a));
    const m = i % 2 === 0 ? u : v;
    const modulus = BigInt(radix) ** BigInt(m);
    const c = (((num(radix, b) - y) % modulus) + modulus) % modulus;
    b = a;
    a = str(radix, m, c);
  }
  return [...a, ...b];
}

export function toNumerals(radix: number, length: number, value: number): number[] {
  return str(radix, length, BigInt(value));
}

export function fromNumerals(radix: number, x: Numerals): number {
  return Number(num(radix, x));
}
