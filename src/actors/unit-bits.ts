/** A set of units of one template, one bit each; grows with the highest one put in. */
export class UnitBits {
  private words: Uint32Array;

  /** `units`: how many are likely. */
  constructor(units: number) {
    this.words = new Uint32Array(Math.ceil(units / 32));
  }

  has(serial: number): boolean {
    // Beyond the end there is no word, and nothing in it.
    return ((this.words[serial >>> 5] ?? 0) & (1 << (serial & 31))) !== 0;
  }

  add(serial: number): void {
    const at = serial >>> 5;
    if (at >= this.words.length) {
      const larger = new Uint32Array(Math.max(at + 1, this.words.length * 2));
      larger.set(this.words);
      this.words = larger;
    }
    this.words[at] |= 1 << (serial & 31);
  }
}
