/** Prints what the checker takes for a million claims and for the few thousand of a simulated shop. */
import { expect, test } from 'vitest';
import { check } from '../../src/audit/checker.ts';
import type { Facts } from '../../src/audit/facts.ts';
import { ENTRY_WORDS } from '../../src/claimlog/entry.ts';

/** All of a template's units, sold in an order that is not that of their serials. */
function soldOut(claims: number): Facts {
  const words = new Uint32Array(claims * ENTRY_WORDS);
  for (let i = 0; i < claims; i++) {
    const at = i * ENTRY_WORDS;
    words[at] = 1;
    words[at + 1] = (i * 7919) % claims;
    words[at + 2] = Math.imul(i, 0x9e3779b1);
    words[at + 3] = 5;
  }
  return {
    templates: [{ templateId: 1, total: claims, perUserLimit: 1 }],
    activities: [],
    blocks: [new Uint8Array(words.buffer)],
    log: [],
    rows: null,
    ledger: [{ ref: { templateId: 1, activityId: 0 }, free: [], bare: [], leases: [] }],
    logs: [],
    codes: null,
  };
}

test('a million claims, and a simulated shop', () => {
  for (const [claims, rounds] of [
    [2_000, 200],
    [1_000_000, 1],
  ] as const) {
    const facts = soldOut(claims);
    for (let i = 1; i < rounds; i++) check(facts);
    const startMs = performance.now();
    for (let i = 0; i < rounds; i++) expect(check(facts).ok).toBe(true);
    const ms = (performance.now() - startMs) / rounds;
    console.log(`checked ${claims} claims in ${ms.toFixed(2)} ms`);
    expect(ms).toBeLessThan(10_000);
  }
});
