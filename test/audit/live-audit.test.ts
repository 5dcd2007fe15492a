/** A live audit while claims come in between its looks at the logs and at the ledger. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PoolFact } from '../../src/audit/facts.ts';
import { liveAudit } from '../../src/audit/live-audit.ts';
import type { Report } from '../../src/audit/report.ts';
import { ENTRY_BYTES } from '../../src/claimlog/entry.ts';
import { LOG_POSITION_BYTES, LogPosition } from '../../src/rings/layout.ts';
import { audit } from '../../src/workers/audit-entry.ts';
import { allProblems, CODE_KEY, filledShop, problemsOf, type Shop } from './shop.ts';

let shop: Shop;
let positions: SharedArrayBuffer;

beforeEach(async () => {
  shop = await filledShop();
  positions = new SharedArrayBuffer(LOG_POSITION_BYTES);
  publishSynced();
});
afterEach(async () => {
  await shop.close();
});

function publishSynced(): void {
  Atomics.store(new Int32Array(positions), LogPosition.synced, shop.log.synced / ENTRY_BYTES);
}

const holder = { owner: 0, partition: 0 };

/** Serials 55–69 are leased of which 55–59 are sold and 60–69 not, 70–79 have codes, the rest has none. */
function ledger(changes: Partial<PoolFact> = {}): PoolFact[] {
  return [
    {
      ref: { templateId: 1, activityId: 0 },
      leases: [{ holder, epoch: 1, serials: [{ from: 55, to: 70 }] }],
      free: [{ from: 70, to: 80 }],
      bare: [{ from: 80, to: 100 }],
      ...changes,
    },
    { ref: { templateId: 2, activityId: 1 }, leases: [], free: [{ from: 10, to: 20 }], bare: [] },
    { ref: { templateId: 2, activityId: 0 }, leases: [], free: [], bare: [{ from: 20, to: 50 }] },
  ];
}

function auditWith(pools: () => PoolFact[]): Promise<Report> {
  return liveAudit({
    storeFile: shop.file,
    logRoot: shop.root,
    codeKey: CODE_KEY,
    liveLogs: () => [{ logId: 1, positions }],
    snapshot: () => ({ ...shop, pools: pools() }),
    run: audit,
  })();
}

test('free, bare, leased and claimed units make the total', async () => {
  const report = await auditWith(() => ledger());
  expect(allProblems(report)).toEqual([]);
  expect(report.checks.find(({ name }) => name === 'accounting')!.checked).toBe(150);
});

test('units sold between the looks are found in the log, synced or not', async () => {
  let sold = 60;
  const report = await auditWith(() => {
    // By the time the ledger is asked, two more of the lease were sold and all its sales reported.
    shop.append([
      { templateId: 1, serial: sold, userLo: 9000 },
      { templateId: 1, serial: sold + 1, userLo: 9001 },
    ]);
    sold += 2;
    return ledger({ leases: [{ holder, epoch: 1, serials: [{ from: sold, to: 70 }] }] });
  });
  expect(allProblems(report)).toEqual([]);
  expect(sold).toBe(62);
});

test('claims the flusher stores meanwhile are neither doubled nor lost', async () => {
  const report = await auditWith(() => {
    void shop.flush();
    return ledger();
  });
  expect(allProblems(report)).toEqual([]);
});

test('a claimed unit that is free, and a unit that is nowhere, are named', async () => {
  const report = await auditWith(() =>
    ledger({
      free: [
        { from: 54, to: 55 },
        { from: 70, to: 79 },
      ],
    }),
  );
  expect(problemsOf(report, 'accounting')).toEqual([
    expect.stringMatching(
      /^coupon \d+ \(template 1, serial 54\): claimed by user \d+, yet free in the general pool$/,
    ),
    expect.stringMatching(/^template 1: units 79 are lost/),
  ]);
});

test('what is only seen in passing is not reported', async () => {
  let looks = 0;
  const report = await auditWith(() => (looks++ === 0 ? ledger({ bare: [] }) : ledger()));
  expect(looks).toBe(2);
  expect(report.ok).toBe(true);
});

test('an audit asked for while one runs is that one', async () => {
  let looks = 0;
  const run = liveAudit({
    storeFile: shop.file,
    logRoot: shop.root,
    codeKey: CODE_KEY,
    liveLogs: () => [{ logId: 1, positions }],
    snapshot: () => {
      looks++;
      return { ...shop, pools: ledger() };
    },
    run: audit,
  });
  const [a, b] = await Promise.all([run(), run()]);
  expect(a).toBe(b);
  expect(looks).toBe(1);
});
