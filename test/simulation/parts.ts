/** The classes under test as a simulation composes them: the real ones, unless a test breaks one to see it found. */
import { Owner, type OwnerPorts } from '../../src/actors/owner.ts';
import type { TemplateRules } from '../../src/actors/rules.ts';
import { TemplateActor } from '../../src/actors/template-actor.ts';
import type { UnitTable } from '../../src/actors/unit-table.ts';
import type { UserTable } from '../../src/actors/user-table.ts';
import { sealLog } from '../../src/claimlog/log-seal.ts';
import type { LogWriter } from '../../src/claimlog/log-writer.ts';
import { type LedgerSignals, MemoryLedger } from '../../src/ledger/memory-ledger.ts';
import { SimStore } from './sim-store.ts';
import type { World } from './world.ts';

export interface Parts {
  actor(rules: TemplateRules, partition: number, users: UserTable, units: UnitTable): TemplateActor;
  owner(index: number, ports: OwnerPorts): Owner;
  ledger(signals: LedgerSignals): MemoryLedger;
  store(world: World): SimStore;
  seal: typeof sealLog;
  /** Up to where the flusher may read a log that is written. */
  flushLimit(synced: number, log: LogWriter): number;
  /** Whether an owner ends with a failed sync, as it must. */
  readonly endsWithFailedSync: boolean;
}

export const realParts: Parts = {
  actor: (rules, partition, users, units) => new TemplateActor(rules, partition, users, units),
  owner: (index, ports) => new Owner(index, ports),
  ledger: (signals) => new MemoryLedger(signals),
  store: (world) => new SimStore(world),
  seal: sealLog,
  flushLimit: (synced) => synced,
  endsWithFailedSync: true,
};
