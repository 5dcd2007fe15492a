/** What the simulation found once, each as small as it gets. */
import { expect, test } from 'vitest';
import { Owner } from '../../src/actors/owner.ts';
import { TemplateActor } from '../../src/actors/template-actor.ts';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { UserTable } from '../../src/actors/user-table.ts';
import { Verdict } from '../../src/actors/verdict.ts';
import { ENTRY_WORDS, writeEntry } from '../../src/claimlog/entry.ts';
import { HEADER_WORDS } from '../../src/claimlog/frame.ts';
import { LogRetention } from '../../src/claimlog/log-retention.ts';
import { scanLog } from '../../src/claimlog/log-scan.ts';
import { sealLog } from '../../src/claimlog/log-seal.ts';
import { LogWriter } from '../../src/claimlog/log-writer.ts';
import { listSegments, logDir, segmentPath } from '../../src/claimlog/segment.ts';
import { MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import type { LeaseOutcome } from '../../src/ports.ts';
import { FaultCounts } from './faults.ts';
import { LOG_ROOT } from './log-root.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { SimDisk } from './sim-disk.ts';
import { simulate } from './simulation.ts';

const POOL = { templateId: 1, activityId: 0 };
const LOG = 7;

function disk(): SimDisk {
  return new SimDisk(new Random(1), new Scheduler(), new FaultCounts(), LOG_ROOT);
}

/** A log of one segment per claim, none of it synced. */
function logOf(on: SimDisk, claims: number): LogWriter {
  const log = new LogWriter(on, LOG_ROOT, LOG, 1);
  const words = new Uint32Array(HEADER_WORDS + ENTRY_WORDS);
  for (let serial = 0; serial < claims; serial++) {
    writeEntry(words, HEADER_WORDS, 1, serial, serial + 1, 0, 0, 0, 0, 0, 0, 0, 0);
    log.append(words, 1);
  }
  return log;
}

function claimsIn(on: SimDisk): number {
  let claims = 0;
  scanLog(on, LOG_ROOT, LOG, 0, (_words, _at, count) => {
    claims += count;
  });
  return claims;
}

test('a holder that was told to wait may ask again without an epoch', () => {
  const ledger = new MemoryLedger({ recall: () => {}, replenished: () => {} });
  ledger.open(POOL, [{ from: 0, to: 1 }]);
  const granted = ledger.lease(POOL, { owner: 0, partition: 0 }, 0, []);
  expect(granted.kind).toBe('granted');
  expect(ledger.lease(POOL, { owner: 1, partition: 1 }, 0, []).kind).toBe('recalling');
  expect(ledger.lease(POOL, { owner: 1, partition: 1 }, 0, []).kind).toBe('recalling');
});

test('an owner reports the sale that became durable while the ledger said wait', () => {
  const replies: number[] = [];
  const owner: Owner = new Owner(0, {
    append: (_words, count) => count,
    durable: () => durable,
    appended: () => {},
    reply: (_slot, verdict) => replies.push(verdict),
    askLease: (ref, holder, epoch, sold) => outcomes.push(ledger.lease(ref, holder, epoch, sold)),
    giveBack: (ref, holder, epoch, sold, unsold) => ledger.giveBack(ref, holder, epoch, sold, unsold),
  });
  let durable = 0;
  const outcomes: LeaseOutcome[] = [];
  const ledger = new MemoryLedger({ recall: () => {}, replenished: (ref) => owner.replenished(ref, 0) });
  const answer = (): void => owner.leaseOutcome(POOL, 0, outcomes.shift()!, 1);
  ledger.open(POOL, [{ from: 0, to: 1 }]);
  const units = new UnitTable([]);
  units.grow(1);
  const window = { fromMs: 0, untilMs: Number.POSITIVE_INFINITY };
  const rules = {
    templateId: 1,
    version: 1,
    partitions: 1,
    published: true,
    claimable: true,
    countsUsable: false,
    audience: null,
  };
  const pools = [{ activityId: 0, perUserLimit: 1, ...window }];
  owner.add(new TemplateActor({ ...rules, perUserLimit: 1, pools }, 0, UserTable.create(1), units));
  const claim = (user: number): void => {
    owner.begin(1);
    owner.claim(user, 1, 0, 0, user, 0, 0, 0);
    owner.end();
  };
  claim(1);
  answer();
  claim(2);
  // Its claim is durable before the answer to the question that was asked while it was pending.
  durable = 1;
  owner.release();
  while (outcomes.length > 0) answer();
  expect(replies).toEqual([Verdict.claimed, Verdict.soldOut]);
});

test('a seal broken off before its names were durable is not taken for done', () => {
  const on = disk();
  logOf(on, 3);
  on.dirSyncsToFail = 1;
  expect(() => sealLog(on, LOG_ROOT, LOG, 0)).toThrow();
  sealLog(on, LOG_ROOT, LOG, 0);
  on.powerCut();
  expect(claimsIn(on)).toBe(3);
});

test('what a broken-off seal left does not stay in the way of deleting the log', () => {
  const on = disk();
  logOf(on, 1);
  on.syncsToFail = 1;
  expect(() => sealLog(on, LOG_ROOT, LOG, 0)).toThrow();
  // The flusher had it all meanwhile: the next seal has nothing to copy.
  const end = sealLog(on, LOG_ROOT, LOG, 80);
  new LogRetention(on, LOG_ROOT, 0).sweep(LOG, end, true, 1);
  expect(on.list(LOG_ROOT)).toEqual([]);
});

test('a log whose directory was never made can be swept', () => {
  const on = disk();
  expect(new LogRetention(on, LOG_ROOT, 0).sweep(LOG, 0, true, 1)).toBe(0);
});

test('a segment that is gone from the middle is damage, not an end', () => {
  const on = disk();
  const log = logOf(on, 3);
  log.close();
  const [, second] = listSegments(on, LOG_ROOT, LOG);
  on.remove(segmentPath(LOG_ROOT, LOG, second));
  expect(() => claimsIn(on)).toThrow('damaged');
  expect(on.list(logDir(LOG_ROOT, LOG)).length).toBeGreaterThan(1);
});

test('a report that comes late, when its pool was closed, is not counted twice', () => {
  expect(simulate(53_681, { events: 2_000 }).failure).toBeNull();
});
