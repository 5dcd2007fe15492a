/** What the simulation of a cluster found once, each as small as it gets. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ClusterOwner } from '../../../src/actors/cluster-owner.ts';
import { Owner, type OwnerPorts } from '../../../src/actors/owner.ts';
import { Rebuild } from '../../../src/actors/rebuild.ts';
import type { TemplateRules } from '../../../src/actors/rules.ts';
import { TemplateActor } from '../../../src/actors/template-actor.ts';
import { UnitTable } from '../../../src/actors/unit-table.ts';
import { UserTable } from '../../../src/actors/user-table.ts';
import { ENTRY_BYTES, ENTRY_WORDS, writeEntry } from '../../../src/claimlog/entry.ts';
import { HEADER_WORDS } from '../../../src/claimlog/frame.ts';
import { LogRetention } from '../../../src/claimlog/log-retention.ts';
import { sealLog } from '../../../src/claimlog/log-seal.ts';
import { LogWriter } from '../../../src/claimlog/log-writer.ts';
import { logStart } from '../../../src/claimlog/segment.ts';
import { FaultCounts } from '../faults.ts';
import { LOG_ROOT } from '../log-root.ts';
import { Random } from '../random.ts';
import { Scheduler } from '../scheduler.ts';
import { SimDisk } from '../sim-disk.ts';

const RULES: TemplateRules = {
  templateId: 1,
  version: 1,
  partitions: 1,
  published: true,
  claimable: true,
  perUserLimit: 9,
  countsUsable: false,
  audience: null,
  pools: [0, 10].map((activityId) => ({ activityId, perUserLimit: 9, fromMs: 0, untilMs: 9 })),
};

function actorOver(units: UnitTable): TemplateActor {
  return new TemplateActor(RULES, 0, UserTable.create(9), units);
}

const PORTS: OwnerPorts = {
  append: () => 0,
  durable: () => 0,
  appended: () => {},
  reply: () => {},
  askLease: () => {},
  giveBack: () => {},
};

function ownerOf(actor: TemplateActor): Owner {
  const owner = new Owner(0, PORTS);
  owner.add(actor);
  return owner;
}

function entry(serial: number, user: number, activityId = 0, key = 0): Uint32Array {
  const words = new Uint32Array(ENTRY_WORDS);
  writeEntry(words, 0, 1, serial, user, 0, activityId, 5, 0, 7, 0, key, 0);
  return words;
}

function chainOf({ users, units }: TemplateActor, user: number): number[] {
  const chain: number[] = [];
  for (let serial = users.newest(user, 0); serial >= 0; serial = units.previous(serial)) chain.push(serial);
  return chain;
}

function tableOf(units: number): UnitTable {
  const table = new UnitTable([]);
  table.grow(units);
  return table;
}

test('an owner’s next life describes what other nodes sold before its last life heard of it', () => {
  const units = tableOf(64);
  units.describe(3, -1, 0, 0, 0);
  units.publish(3, 7);
  const actor = actorOver(units);
  const rebuild = new Rebuild(ownerOf(actor), false);
  for (const words of [entry(4, 8, 10, 77), entry(3, 8), entry(4, 8, 10, 77)]) rebuild.add(words, 0, 1);
  rebuild.finish();
  expect(chainOf(actor, 8)).toEqual([4, 3]);
  expect([units.activityId(4), units.hasKey(4, 77, 0), units.isClaimed(4)]).toEqual([10, true, true]);
  expect(rebuild.claims).toBe(2);
});

test('a unit that an earlier life linked to is counted when its claim comes by the stream', () => {
  const units = tableOf(64);
  // The last life sold 5 to the user before it heard that another node had sold 4: the links lead from 4 to 5.
  for (const [serial, previous] of [
    [5, -1],
    [4, 5],
  ]) {
    units.describe(serial, previous, 0, 0, 0);
    units.setCode(serial, 5, 0);
    units.publish(serial, 7);
  }
  const actor = actorOver(units);
  const nothing = { commit: () => {}, followed: () => {}, refused: () => {}, quiesced: () => {} };
  const owner = new ClusterOwner(0, { ...PORTS, ...nothing });
  owner.add(actor);
  owner.learn(1, 64);
  for (const [position, serial] of [4, 5, 5].entries()) owner.follow(1, entry(serial, 8), position + 1, 9);
  expect(chainOf(actor, 8)).toEqual([4, 5]);
  expect(actor.pools.get(0)!.claimed[0]).toBe(2);
  expect(() => owner.follow(1, entry(5, 9), 4, 9)).toThrow('claimed by two users');
});

test('lives that heard of a user’s units in different orders leave one chain of all of them', () => {
  const serials = [1, 2, 3, 4, 5];
  const life = fc.shuffledSubarray(serials);
  fc.assert(
    fc.property(
      fc.array(life, { maxLength: 6 }),
      fc.shuffledSubarray(serials, { minLength: 5 }),
      (lives, last) => {
        const units = tableOf(64);
        for (const heard of [...lives, last]) {
          const actor = actorOver(units);
          for (const serial of heard) {
            if (units.isClaimed(serial)) actor.rejoin(8, 0, serial);
            else {
              actor.give(actor.pools.get(0)!, 8, 0, 0, 0, serial, actor.users.newest(8, 0));
              units.publish(serial, 7);
            }
            expect(chainOf(actor, 8)).toContain(serial);
          }
          const chain = chainOf(actor, 8);
          for (const serial of heard) expect(chain.filter((other) => other === serial)).toEqual([serial]);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('a log whose first segments went by retention can be sealed', () => {
  const disk = new SimDisk(new Random(1), new Scheduler(), new FaultCounts(), LOG_ROOT);
  const log = new LogWriter(disk, LOG_ROOT, 1, 1);
  const words = new Uint32Array(HEADER_WORDS + ENTRY_WORDS);
  for (let serial = 0; serial < 3; serial++) {
    words.set(entry(serial, serial), HEADER_WORDS);
    log.append(words, 1);
  }
  const retention = new LogRetention(disk, LOG_ROOT, 0);
  retention.sweep(1, log.end, false, 1);
  retention.sweep(1, log.end, false, 2);
  const start = logStart(disk, LOG_ROOT, 1);
  expect(start).toBeGreaterThan(0);
  expect(sealLog(disk, LOG_ROOT, 1, start)).toBeGreaterThan(start + ENTRY_BYTES);
});
