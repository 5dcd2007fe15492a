/**
 * What is known of each unit of a template, in shared memory: its code (written by the compute pool ahead of the
 * crowd), when it was claimed (written by the one owner that sold it, at the moment the claim is durable) and, only
 * where a template needs them, the user's previous coupon, the activity and the idempotency key.
 *
 * The ingress answers repeats from here without asking anybody, so publishing matters: all fields first, then one
 * atomic store of the low time word. That word is odd for every claimed unit and zero for every other one.
 *
 * Chunks grow geometrically (64, 128, 256 … units), so raising the stock never moves a unit, a small template stays
 * small, and the untouched part of a large one is address space without memory behind it.
 */
const FIRST_CHUNK_BITS = 6;
const FIRST_CHUNK = 1 << FIRST_CHUNK_BITS;
/** code 6, time 6; beyond that previous, activity and key: 16 that only some templates ever touch. */
const BYTES_PER_UNIT = 28;

class UnitChunk {
  readonly codeLo: Uint32Array;
  readonly timeLo: Uint32Array;
  readonly previous: Uint32Array;
  readonly activity: Uint32Array;
  readonly keyLo: Uint32Array;
  readonly keyHi: Uint32Array;
  readonly codeHi: Uint16Array;
  readonly timeHi: Uint16Array;

  constructor(buffer: SharedArrayBuffer) {
    const n = buffer.byteLength / BYTES_PER_UNIT;
    this.codeLo = new Uint32Array(buffer, 0, n);
    this.timeLo = new Uint32Array(buffer, 4 * n, n);
    this.codeHi = new Uint16Array(buffer, 8 * n, n);
    this.timeHi = new Uint16Array(buffer, 10 * n, n);
    this.previous = new Uint32Array(buffer, 12 * n, n);
    this.activity = new Uint32Array(buffer, 16 * n, n);
    this.keyLo = new Uint32Array(buffer, 20 * n, n);
    this.keyHi = new Uint32Array(buffer, 24 * n, n);
  }
}

function chunkOf(serial: number): number {
  return 31 - Math.clz32((serial >>> FIRST_CHUNK_BITS) + 1);
}

function chunkStart(chunk: number): number {
  return ((1 << chunk) - 1) << FIRST_CHUNK_BITS;
}

export class UnitTable {
  /** The shared buffers, to hand to other threads. */
  readonly buffers: SharedArrayBuffer[] = [];
  private readonly chunks: UnitChunk[] = [];

  constructor(buffers: readonly SharedArrayBuffer[]) {
    for (const buffer of buffers) this.attach(buffer);
  }

  attach(buffer: SharedArrayBuffer): void {
    this.buffers.push(buffer);
    this.chunks.push(new UnitChunk(buffer));
  }

  /** Makes room for serials below `total`; returns the buffers that were added. Only the thread that shares them grows. */
  grow(total: number): SharedArrayBuffer[] {
    const added: SharedArrayBuffer[] = [];
    while (chunkStart(this.chunks.length) < total) {
      const buffer = new SharedArrayBuffer(BYTES_PER_UNIT * (FIRST_CHUNK << this.chunks.length));
      this.attach(buffer);
      added.push(buffer);
    }
    return added;
  }

  get capacity(): number {
    return chunkStart(this.chunks.length);
  }

  setCode(serial: number, lo: number, hi: number): void {
    const k = chunkOf(serial);
    const chunk = this.chunks[k];
    const i = serial - chunkStart(k);
    chunk.codeLo[i] = lo;
    chunk.codeHi[i] = hi;
  }

  codeLo(serial: number): number {
    const k = chunkOf(serial);
    return this.chunks[k].codeLo[serial - chunkStart(k)];
  }

  codeHi(serial: number): number {
    const k = chunkOf(serial);
    return this.chunks[k].codeHi[serial - chunkStart(k)];
  }

  code(serial: number): number {
    const k = chunkOf(serial);
    const chunk = this.chunks[k];
    const i = serial - chunkStart(k);
    return chunk.codeHi[i] * 0x1_0000_0000 + chunk.codeLo[i];
  }

  /** Publishes a claim as durable. `timeMs` below 2^47. */
  publish(serial: number, timeMs: number): void {
    const k = chunkOf(serial);
    const chunk = this.chunks[k];
    const i = serial - chunkStart(k);
    const doubled = timeMs * 2 + 1;
    chunk.timeHi[i] = Math.floor(doubled / 0x1_0000_0000);
    Atomics.store(chunk.timeLo, i, doubled >>> 0);
  }

  /** Code and time of a unit claimed before, in one step; the time in the two words of a log entry. */
  restore(serial: number, codeLo: number, codeHi: number, timeLo: number, timeHi: number): void {
    const k = chunkOf(serial);
    const chunk = this.chunks[k];
    const i = serial - chunkStart(k);
    chunk.codeLo[i] = codeLo;
    chunk.codeHi[i] = codeHi;
    // time * 2 + 1, as `publish` stores it.
    chunk.timeHi[i] = (timeHi << 1) | (timeLo >>> 31);
    Atomics.store(chunk.timeLo, i, ((timeLo << 1) | 1) >>> 0);
  }

  /** When the unit was claimed, or 0 when it was not, or not durably yet. */
  claimedAtMs(serial: number): number {
    const k = chunkOf(serial);
    const chunk = this.chunks[k];
    const i = serial - chunkStart(k);
    const lo = Atomics.load(chunk.timeLo, i);
    if (lo === 0) return 0;
    return (chunk.timeHi[i] * 0x1_0000_0000 + lo - 1) / 2;
  }

  isClaimed(serial: number): boolean {
    const k = chunkOf(serial);
    return Atomics.load(this.chunks[k].timeLo, serial - chunkStart(k)) !== 0;
  }

  /** Links a unit to the coupon its user got before (serial, or -1) and keeps activity and key. */
  describe(serial: number, previous: number, activityId: number, keyLo: number, keyHi: number): void {
    const k = chunkOf(serial);
    const chunk = this.chunks[k];
    const i = serial - chunkStart(k);
    // Untouched pages stay unbacked: write only what differs from zero.
    if (previous >= 0 || chunk.previous[i] !== 0) chunk.previous[i] = previous + 1;
    if (activityId !== 0 || chunk.activity[i] !== 0) chunk.activity[i] = activityId;
    if ((keyLo | keyHi) !== 0 || (chunk.keyLo[i] | chunk.keyHi[i]) !== 0) {
      chunk.keyLo[i] = keyLo;
      chunk.keyHi[i] = keyHi;
    }
  }

  /** Links a unit to the one before it anew. */
  link(serial: number, previous: number): void {
    const k = chunkOf(serial);
    this.chunks[k].previous[serial - chunkStart(k)] = previous + 1;
  }

  /** The user's coupon before this one, or -1. */
  previous(serial: number): number {
    const k = chunkOf(serial);
    return this.chunks[k].previous[serial - chunkStart(k)] - 1;
  }

  activityId(serial: number): number {
    const k = chunkOf(serial);
    return this.chunks[k].activity[serial - chunkStart(k)];
  }

  hasKey(serial: number, keyLo: number, keyHi: number): boolean {
    const k = chunkOf(serial);
    const chunk = this.chunks[k];
    const i = serial - chunkStart(k);
    return chunk.keyLo[i] === keyLo && chunk.keyHi[i] === keyHi;
  }
}

/** Whether following previous coupons from `serial` comes by `older`. */
export function leadsTo(units: UnitTable, serial: number, older: number): boolean {
  for (let s = serial; s >= 0; s = units.previous(s)) if (s === older) return true;
  return false;
}
