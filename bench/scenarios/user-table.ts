/** Memory per user at its worst, which is just after a part of the table has grown, and the price of an entry. */
import { UserTable } from '../../src/actors/user-table.ts';
import { NO_FIGURES, type Row } from '../report.ts';
import type { Bench, Scenario } from './scenario.ts';

/** Below this share of the expected users the table's fixed part counts for more than its growth. */
const COUNTED_FROM = 0.1;
/** Spreads consecutive numbers over 63 bits, as real ids of several generations are. */
const SPREAD = 0x9e3779b1;

async function run(bench: Bench): Promise<Row[]> {
  const users = bench.effort.tableUsers;
  const table = UserTable.create(users);
  let entries = 0;
  let worst = 0;
  table.onSegment = () => {
    if (entries >= users * COUNTED_FROM) worst = Math.max(worst, table.bytes / entries);
  };
  const cpuBefore = process.cpuUsage();
  const fromMs = performance.now();
  for (; entries < users; entries++) table.put(Math.imul(entries, SPREAD) >>> 0, entries & 0xffff, entries);
  const seconds = (performance.now() - fromMs) / 1000;
  const cpu = process.cpuUsage(cpuBefore);

  let missing = 0;
  for (let i = 0; i < users; i++) {
    if (table.newest(Math.imul(i, SPREAD) >>> 0, i & 0xffff) !== i) missing++;
  }
  return [
    {
      ...NO_FIGURES,
      name: 'user-table',
      rps: users / seconds,
      cpuUsPerRequest: (cpu.user + cpu.system) / users,
      verified: missing === 0 && table.users === users,
      more: { users, bytesPerUserAfterGrowth: worst, bytesPerUser: table.bytes / users },
    },
  ];
}

export const userTable: Scenario = { name: 'user-table', about: 'bytes per claiming user after growth', run };
