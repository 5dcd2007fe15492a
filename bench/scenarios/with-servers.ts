/** Servers on fresh data directories for the length of a scenario, audited before they go. */
import { type Backing, EMBEDDED, SharedBacking } from '../processes/backing.ts';
import { DataDir } from '../processes/data-dir.ts';
import { type LogSync, Server } from '../processes/server.ts';
import type { Row } from '../report.ts';
import { verifyAudit } from '../verify.ts';
import type { Bench } from './scenario.ts';

export interface Audited<T> {
  readonly value: T;
  /** What the servers' own checkers found wrong over everything the scenario did. */
  readonly wrong: string[];
}

export interface Installation {
  readonly sync: LogSync;
  readonly profile: 'embedded' | 'single' | 'cluster';
  /** The first one's `otherNodes` are the rest. */
  readonly nodes: number;
}

/** One node each, in the profile the bench was asked for. */
export function withServers<T>(
  bench: Bench,
  syncs: readonly LogSync[],
  use: (servers: readonly Server[], dataDirs: readonly DataDir[]) => Promise<T>,
): Promise<Audited<T>> {
  const installations = syncs.map((sync) => ({ sync, profile: bench.profile, nodes: 1 }));
  return withInstallations(bench, installations, use);
}

export async function withInstallations<T>(
  bench: Bench,
  installations: readonly Installation[],
  use: (servers: readonly Server[], dataDirs: readonly DataDir[]) => Promise<T>,
): Promise<Audited<T>> {
  const dataDirs: DataDir[] = [];
  const servers: Server[] = [];
  const backings: Backing[] = [];
  try {
    for (const { sync, profile, nodes } of installations) {
      const backing =
        profile === 'embedded' ? EMBEDDED : await SharedBacking.create(await bench.stores(), profile);
      backings.push(backing);
      for (let node = 0; node < nodes; node++) {
        const dataDir = new DataDir();
        dataDirs.push(dataDir);
        const server = await Server.start(dataDir.path, sync, backing);
        if (node === 0) servers.push(server);
        else servers.at(-1)!.otherNodes.push(server);
      }
    }
    const value = await use(servers, dataDirs);
    const wrong: string[] = [];
    for (const server of servers) wrong.push(...(await verifyAudit(server)));
    return { value, wrong };
  } finally {
    for (const server of servers) {
      for (const node of [server, ...server.otherNodes]) await node.child.end('SIGKILL');
    }
    for (const backing of backings) await backing.drop();
    for (const dataDir of dataDirs) dataDir.remove();
  }
}

/** An audit is about all runs of a server: what it found, no row that was checked stands against. */
export function auditedRows({ value, wrong }: Audited<Row[]>): Row[] {
  if (wrong.length === 0) return value;
  return value.map((row) =>
    row.verified === null ? row : { ...row, verified: false, more: { ...row.more, audit: wrong } },
  );
}
