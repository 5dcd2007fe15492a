/**
 * FF1 (NIST SP 800-38G): a keyed permutation of the numbers below radix^length, so that consecutive places of a
 * code space become codes nobody can guess from one another, and every code can be turned back into its place.
 *
 * Ten Feistel rounds over the two halves of the number; each asks a CBC-MAC for 64 bits. One code at a time that
 * is ten trips into the cipher, which cost far more than the AES in them. Two things make it fast:
 *   - everything in the MAC's input before its last block (the header P and the tweak's leading blocks) is the same
 *     for every number and round, so its chaining value is computed once and one AES block per code is left;
 *   - that last block of many codes is encrypted by one cipher call per round. Independent blocks are what ECB
 *     is; nothing here uses it as a mode for data.
 *
 * Only domains up to 2^48 are served: there both halves stay below 2^32, NUM(B) takes at most four bytes, the
 * MAC output that is used (d) is always eight bytes, and no intermediate product leaves the exact integers of a
 * double. The standard's lower bound (10^6 possibilities) is asked of code spaces, not here.
 */
import { type Cipher, createCipheriv } from 'node:crypto';

const BLOCK_BYTES = 16;
const ROUNDS = 10;
const DOMAIN_MAX = 2 ** 48;
/** Codes per cipher call: enough that the call no longer counts, and 32 KiB of blocks stay in cache. */
const CHUNK = 2048;

// One scratch for all instances of a thread: a run is synchronous, so two of them never overlap.
const scratch = Buffer.from(new ArrayBuffer(CHUNK * BLOCK_BYTES));
const scratchView = new DataView(scratch.buffer);
const left = new Uint32Array(CHUNK);
const right = new Uint32Array(CHUNK);

export class Ff1 {
  /** radix^length: numbers 0 … size - 1 are permuted. */
  readonly size: number;
  readonly #cipher: Cipher;
  readonly #leftSize: number;
  readonly #rightSize: number;
  /** Bytes NUM(B) takes in the last block; the round number stands right before them. */
  readonly #numBytes: number;
  /** Chaining value ⊕ the constant part of the last block, as four big-endian words. */
  readonly #last: readonly [number, number, number, number];

  /** Key: 16, 24 or 32 bytes; radix 2 … 256; length ≥ 2 with radix^length ≤ 2^48. RangeError otherwise. */
  constructor(key: Uint8Array, radix: number, length: number, tweak: Uint8Array) {
    if (key.length !== 16 && key.length !== 24 && key.length !== 32) {
      throw new RangeError('an AES key has 16, 24 or 32 bytes');
    }
    if (!Number.isInteger(radix) || radix < 2 || radix > 256) throw new RangeError('radix must be 2 … 256');
    if (!Number.isInteger(length) || length < 2 || length > 48) throw new RangeError('length must be 2 … 48');
    const u = Math.floor(length / 2);
    const v = length - u;
    this.#leftSize = power(radix, u);
    this.#rightSize = power(radix, v);
    this.size = this.#leftSize * this.#rightSize;
    if (this.size > DOMAIN_MAX) throw new RangeError('radix^length must not exceed 2^48');
    this.#numBytes = bytesFor(this.#rightSize);
    this.#cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);

    const q = Math.ceil((tweak.length + 1 + this.#numBytes) / BLOCK_BYTES) * BLOCK_BYTES;
    const message = Buffer.alloc(BLOCK_BYTES + q);
    message[0] = 1;
    message[1] = 2;
    message[2] = 1;
    message.writeUIntBE(radix, 3, 3);
    message[6] = ROUNDS;
    message[7] = u;
    message.writeUInt32BE(length, 8);
    message.writeUInt32BE(tweak.length, 12);
    message.set(tweak, BLOCK_BYTES);
    let chain = Buffer.alloc(BLOCK_BYTES);
    for (let at = 0; ; at += BLOCK_BYTES) {
      for (let i = 0; i < BLOCK_BYTES; i++) chain[i]! ^= message[at + i]!;
      if (at + BLOCK_BYTES === message.length) break;
      chain = this.#cipher.update(chain);
    }
    this.#last = [
      chain.readUInt32BE(0),
      chain.readUInt32BE(4),
      chain.readUInt32BE(8),
      chain.readUInt32BE(12),
    ];
  }

  /**
   * The permuted numbers of first, first + 1, … first + count - 1, as 48-bit values: low 32 bits into `outLo`,
   * high 16 into `outHi`, from index `at` on.
   */
  encryptRun(first: number, count: number, outLo: Uint32Array, outHi: Uint16Array, at: number): void {
    if (!(Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 0)) {
      throw new RangeError('a run is given in whole numbers');
    }
    if (first + count > this.size) throw new RangeError('the run leaves the domain');
    if (!(at >= 0 && at + count <= outLo.length && at + count <= outHi.length)) {
      throw new RangeError('the run does not fit its output');
    }
    const rightSize = this.#rightSize;
    for (let done = 0; done < count; done += CHUNK) {
      const n = Math.min(CHUNK, count - done);
      let a = Math.floor((first + done) / rightSize);
      let b = first + done - a * rightSize;
      for (let k = 0; k < n; k++) {
        left[k] = a;
        right[k] = b;
        if (++b === rightSize) {
          b = 0;
          a++;
        }
      }
      this.#encryptHalves(n);
      for (let k = 0; k < n; k++) {
        const value = left[k]! * rightSize + right[k]!;
        const hi = Math.floor(value / 2 ** 32);
        outHi[at + done + k] = hi;
        outLo[at + done + k] = value - hi * 2 ** 32;
      }
    }
  }

  encrypt(value: number): number {
    this.#split(value);
    this.#encryptHalves(1);
    return left[0]! * this.#rightSize + right[0]!;
  }

  decrypt(value: number): number {
    this.#split(value);
    this.#fillConstant(1);
    for (let i = ROUNDS - 1; i >= 0; i--) this.#round(i, 1, -1);
    return left[0]! * this.#rightSize + right[0]!;
  }

  #split(value: number): void {
    if (!(Number.isInteger(value) && value >= 0 && value < this.size)) {
      throw new RangeError('the number is outside the domain');
    }
    left[0] = Math.floor(value / this.#rightSize);
    right[0] = value - left[0] * this.#rightSize;
  }

  #encryptHalves(n: number): void {
    this.#fillConstant(n);
    for (let i = 0; i < ROUNDS; i++) this.#round(i, n, 1);
  }

  /** The words of the last block that neither the round nor the number reaches. */
  #fillConstant(n: number): void {
    const [w0, w1] = this.#last;
    for (let k = 0, p = 0; k < n; k++, p += BLOCK_BYTES) {
      scratchView.setUint32(p, w0);
      scratchView.setUint32(p + 4, w1);
    }
  }

  /**
   * Instead of swapping the halves after every round as the standard writes it, even rounds change the left half
   * and odd ones the right. `sign` -1 undoes the round.
   */
  #round(i: number, n: number, sign: 1 | -1): void {
    const even = (i & 1) === 0;
    const source = even ? right : left;
    const target = even ? left : right;
    const size = even ? this.#leftSize : this.#rightSize;
    const inverse = 1 / size;
    const wide = this.#numBytes === 4;
    const w2 = wide ? this.#last[2] ^ i : this.#last[2];
    const w3 = wide ? this.#last[3] : this.#last[3] ^ (i << (8 * this.#numBytes));
    for (let k = 0, p = 8; k < n; k++, p += BLOCK_BYTES) {
      scratchView.setUint32(p, w2);
      scratchView.setUint32(p + 4, w3 ^ source[k]!);
    }
    const mac = this.#cipher.update(n === CHUNK ? scratch : scratch.subarray(0, n * BLOCK_BYTES));
    const view = new DataView(mac.buffer, mac.byteOffset, mac.length);
    for (let k = 0, p = 0; k < n; k++, p += BLOCK_BYTES) {
      // 64 bits modulo the half, 16 bits at a time after the first 32: remainders are below 2^32, so this is exact.
      const lo = view.getUint32(p + 4);
      let y = modulo(view.getUint32(p), size, inverse);
      y = modulo(y * 65_536 + (lo >>> 16), size, inverse);
      y = modulo(y * 65_536 + (lo & 0xffff), size, inverse);
      const sum = target[k]! + sign * y;
      target[k] = sum < 0 ? sum + size : sum >= size ? sum - size : sum;
    }
  }
}

/** x mod m for 0 ≤ x < 2^49; `%` on doubles is a library call and several times slower. */
function modulo(x: number, m: number, inverse: number): number {
  const rest = x - Math.floor(x * inverse) * m;
  return rest < 0 ? rest + m : rest >= m ? rest - m : rest;
}

/** By multiplication: `**` need not be exact. */
function power(base: number, exponent: number): number {
  let result = 1;
  for (let i = 0; i < exponent; i++) result *= base;
  return result;
}

/** Bytes that hold every number below `size`. */
function bytesFor(size: number): number {
  let bytes = 1;
  while (256 ** bytes < size) bytes++;
  return bytes;
}
