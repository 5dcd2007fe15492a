/** Servers on fresh data directories for the length of a scenario, audited before they go. */
import { DataDir } from '../processes/data-dir.ts';
import { type LogSync, Server } from '../processes/server.ts';
import { verifyAudit } from '../verify.ts';

export interface Audited<T> {
  readonly value: T;
  /** What the servers' own checkers found wrong over everything the scenario did. */
  readonly wrong: string[];
}

export async function withServers<T>(
  syncs: readonly LogSync[],
  use: (servers: readonly Server[], dataDirs: readonly DataDir[]) => Promise<T>,
): Promise<Audited<T>> {
  const dataDirs: DataDir[] = [];
  const servers: Server[] = [];
  try {
    for (const sync of syncs) {
      const dataDir = new DataDir();
      dataDirs.push(dataDir);
      servers.push(await Server.start(dataDir.path, sync));
    }
    const value = await use(servers, dataDirs);
    const wrong: string[] = [];
    for (const server of servers) wrong.push(...(await verifyAudit(server)));
    return { value, wrong };
  } finally {
    for (const server of servers) await server.child.end('SIGKILL');
    for (const dataDir of dataDirs) dataDir.remove();
  }
}
