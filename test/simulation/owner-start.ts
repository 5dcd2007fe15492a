/** How a life of an owner begins: seal the last life's log, begin one, rebuild from records, then from logs, serve. */
import { ownerOf } from '../../src/actors/placement.ts';
import { Rebuild } from '../../src/actors/rebuild.ts';
import type { TemplateRules } from '../../src/actors/rules.ts';
import { UnitTable } from '../../src/actors/unit-table.ts';
import { UserTable } from '../../src/actors/user-table.ts';
import { ENTRY_BYTES, entryWords } from '../../src/claimlog/entry.ts';
import { scanLog } from '../../src/claimlog/log-scan.ts';
import { LogWriter } from '../../src/claimlog/log-writer.ts';
import { LOG_ROOT } from './log-root.ts';
import type { OwnerLife } from './owner-life.ts';
import { threadDisk } from './thread-disk.ts';

export interface LifePlan {
  readonly index: number;
  readonly first: boolean;
  readonly logId: number;
  readonly templates: readonly OwnedTemplate[];
  readonly logs: readonly number[];
  readonly seal: number | null;
}

export interface OwnedTemplate {
  readonly rules: TemplateRules;
  readonly total: number;
  readonly units: readonly SharedArrayBuffer[];
}

export function beginLife(life: OwnerLife): void {
  const { process, plan } = life;
  const { world } = process;
  const rebuild = new Rebuild(life.owner, plan.first);
  let since = world.store.watermarks();

  function seal(): void {
    if (plan.seal !== null) {
      const logId = plan.seal;
      const end = world.parts.seal(world.disk, LOG_ROOT, logId, since.get(logId) ?? 0);
      process.fromOwner(life, false, () => process.sealed(plan.index, logId, end));
    }
    const disk = threadDisk(world.disk, () => life.dead);
    life.log = new LogWriter(disk, LOG_ROOT, plan.logId, world.segmentBytesMax);
    for (const template of plan.templates) takeTemplate(life, template);
  }

  /** The watermark before the blocks: what is flushed in between is then seen twice rather than never. */
  function readWatermarks(): void {
    since = world.store.watermarks();
  }

  function readBlocks(): void {
    for (const block of world.store.blocks) rebuild.add(entryWords(block), 0, block.length / ENTRY_BYTES);
  }

  function readLogs(): void {
    for (const logId of plan.logs) {
      const from = since.get(logId) ?? 0;
      scanLog(world.disk, LOG_ROOT, logId, from, (words, at, count) => rebuild.add(words, at, count));
    }
    rebuild.finish();
    process.fromOwner(life, false, () => process.ownerReady(life));
    life.serve();
  }

  inTurn(life, [seal, readWatermarks, readBlocks, readLogs]);
}

/** Each phase in an event of its own: others go on meanwhile. */
function inTurn(life: OwnerLife, phases: (() => void)[]): void {
  const phase = phases.shift();
  if (phase === undefined) return;
  const { world } = life.process;
  life.process.later(world.random.between(20, 4_000), () =>
    life.step(() => {
      phase();
      inTurn(life, phases);
    }),
  );
}

/** Makes or updates the actors of a template that are placed on this owner. */
export function takeTemplate(life: OwnerLife, template: OwnedTemplate): void {
  const { rules, total } = template;
  const { world } = life.process;
  for (let partition = 0; partition < rules.partitions; partition++) {
    if (ownerOf(rules.templateId, partition, world.owners) !== life.plan.index) continue;
    const known = life.owner.actor(rules.templateId, partition);
    if (known !== undefined) {
      known.setRules(rules);
      continue;
    }
    let units = life.unitTables.get(rules.templateId);
    if (units === undefined) {
      units = new UnitTable(template.units);
      life.unitTables.set(rules.templateId, units);
    }
    const users = UserTable.create(Math.ceil(total / rules.partitions));
    life.owner.add(world.parts.actor(rules, partition, users, units));
  }
}
