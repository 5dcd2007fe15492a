/**
 * A data directory with many claims in it, twice over: as rows of the database, and, with the database put back to
 * what it was before the first claim, as a log that has not been flushed. A server must come up from both.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { liveJob } from './contenders/live.ts';
import { DataDir } from './processes/data-dir.ts';
import { Server, type Stock } from './processes/server.ts';
import type { Bench } from './scenarios/scenario.ts';
import { verifyAudit, verifyClaims, verifyOutcomes } from './verify.ts';

/** A default code space gives ten million codes; several templates also are what a shop has. */
const TEMPLATE_CLAIMS_MAX = 2_000_000;

export interface SeededTemplate {
  readonly id: string;
  readonly claims: number;
}

export class SeededData {
  readonly dataDir = new DataDir();
  readonly templates: SeededTemplate[] = [];
  readonly #recordsBefore = mkdtempSync(path.join(os.tmpdir(), 'doorbuster-bench-before-'));

  get claims(): number {
    return this.templates.reduce((sum, template) => sum + template.claims, 0);
  }

  /** Leaves everything flushed and no server running. */
  async fill(bench: Bench, claims: number): Promise<void> {
    const publisher = await Server.start(this.dataDir.path, 'os');
    for (let left = claims; left > 0; left -= TEMPLATE_CLAIMS_MAX) {
      const stock = Math.min(left, TEMPLATE_CLAIMS_MAX);
      this.templates.push({ id: await publisher.publishTemplate(stock), claims: stock });
    }
    await publisher.child.end('SIGTERM');
    this.dataDir.copyRecords(this.#recordsBefore);

    const server = await Server.start(this.dataDir.path, 'os');
    try {
      await sellAll(bench, server, this.templates);
    } finally {
      await server.child.end('SIGTERM');
    }
  }

  /** From now on the claims are in the log alone. */
  unflush(): void {
    this.dataDir.restoreRecords(this.#recordsBefore);
  }

  remove(): void {
    this.dataDir.remove();
    rmSync(this.#recordsBefore, { recursive: true, force: true });
  }
}

/** To the last unit, and stored. */
export async function sellAll(
  bench: Bench,
  server: Server,
  templates: readonly SeededTemplate[],
): Promise<void> {
  for (const template of templates) {
    const users = bench.freshUsers(template.claims);
    const load = await bench.client.run(liveJob(server, template.id, users, 0));
    const wrong = verifyOutcomes(load.outcomes, 'claimed');
    if (wrong.length > 0) throw new Error(`seeding: ${wrong.join('; ')}`);
  }
  await drainedAll(server, templates);
}

export async function drainedAll(server: Server, templates: readonly SeededTemplate[]): Promise<Stock[]> {
  const stocks: Stock[] = [];
  for (const { id, claims } of templates) stocks.push(await server.drained(id, claims));
  return stocks;
}

/** Everything that was seeded is there exactly once; waits for the flusher. */
export async function verifySeeded(server: Server, templates: readonly SeededTemplate[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const template of templates)
    wrong.push(...(await verifyClaims(server, template.id, template.claims, [])));
  wrong.push(...(await verifyAudit(server)));
  return wrong;
}
