/**
 * A frame that was written and never acknowledged, torn at many places: the process starts, what was acknowledged is
 * there, and what was torn away was never promised. Damage below the synced position stops the start instead.
 */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { fileDisk } from '../../src/claimlog/disk.ts';
import { listLogs, listSegments, logRoot, segmentPath } from '../../src/claimlog/segment.ts';
import { ClaimsBook, type Sale } from '../support/book.ts';
import { checkPromises, checkRecords, sellTheRest, stockOf } from '../support/check.ts';
import { Connection, overMany } from '../support/connection.ts';
import { claim } from '../support/crowd.ts';
import { Faults } from '../support/faults.ts';
import { newTemplate } from '../support/sales.ts';
import { newDataDir, runServe, type Server, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

const ENV = { OWNER_THREADS: '1' };

async function claimOneByOne(server: Server, book: ClaimsBook, sale: Sale, from: number, to: number) {
  const connection = await Connection.open(server.port);
  for (let user = from; user < to; user++)
    await claim(connection, book, { sale, userId: String(user), key: null });
  connection.close();
}

/** The segment that ends last of the log with entries that was begun last, and its length. */
function lastSegment(dataDir: string): { file: string; bytes: number } {
  const root = logRoot(dataDir);
  const found = listLogs(fileDisk, root)
    .flatMap((logId) => listSegments(fileDisk, root, logId).map((at) => segmentPath(root, logId, at)))
    .map((file) => ({ file, bytes: fs.statSync(file).size }))
    .filter(({ bytes }) => bytes > 0);
  return found.at(-1)!;
}

function copyOf(dataDir: string): string {
  const copy = newDataDir();
  fs.cpSync(dataDir, copy, { recursive: true });
  return copy;
}

test('an unacknowledged last frame may be torn anywhere', async () => {
  const faults = new Faults();
  const server = await startServer({ dataDir: faults.dataDir, env: { ...ENV, FAULTS: faults.file } });
  const book = new ClaimsBook();
  const sale = await newTemplate(server, { stock: 60 });
  try {
    await claimOneByOne(server, book, sale, 1, 21);
    const acknowledged = lastSegment(faults.dataDir);
    // Written, never synced: whoever claimed this is not answered, or told that it is not known.
    faults.set('sync EIO');
    const users = Array.from({ length: 8 }, (_, i) => String(100 + i));
    await overMany(server.port, users, async (connection, userId) => {
      const answer = await claim(connection, book, { sale, userId, key: null });
      expect(answer).toMatchObject({ status: 503, json: { code: 'unavailable' } });
    });
    await server.kill();
    faults.set();
    expect(book.count('claimed')).toBe(20);
    const torn = lastSegment(faults.dataDir);
    expect(torn.file).toBe(acknowledged.file);
    expect(torn.bytes).toBeGreaterThan(acknowledged.bytes + 40);

    const frameBytes = torn.bytes - acknowledged.bytes;
    const cuts = process.env.LONG
      ? Array.from({ length: frameBytes + 1 }, (_, i) => i)
      : [0, 1, 39, 41, frameBytes - 1, frameBytes];
    for (const cut of cuts) {
      const dataDir = copyOf(faults.dataDir);
      fs.truncateSync(path.join(dataDir, path.relative(faults.dataDir, torn.file)), acknowledged.bytes + cut);
      const again = await startServer({ dataDir, env: ENV });
      try {
        await checkPromises(again, book, [sale]);
        const { claimed } = await stockOf(again, sale.templateId);
        if (cut < frameBytes) expect({ cut, claimed }).toEqual({ cut, claimed: 20 });
        else expect(claimed).toBeGreaterThan(20);
        await checkRecords(again, [sale]);
      } finally {
        await again.destroy();
      }
    }

    // Those who were told `unavailable` ask again, and everything sells.
    const last = await startServer({ dataDir: copyOf(faults.dataDir), env: ENV });
    try {
      await overMany(last.port, users, async (connection, userId) => {
        expect((await claim(connection, book, { sale, userId, key: null })).status).toBeLessThan(300);
      });
      await sellTheRest(last, book, [sale]);
      await checkPromises(last, book, [sale]);
      await checkRecords(last, [sale]);
    } finally {
      await last.destroy();
    }
  } finally {
    await server.destroy();
  }
});

test('damage below the synced position stops the start and names file and offset', async () => {
  const dataDir = newDataDir();
  const database = path.join(dataDir, 'records.db');
  const backup = newDataDir();
  try {
    let server = await startServer({ dataDir, env: ENV });
    const sale = await newTemplate(server, { stock: 100 });
    expect(await server.stop()).toBe(0);
    // The record store as it was before the sale: all that was claimed is only in the log.
    fs.copyFileSync(database, path.join(backup, 'records.db'));
    server = await startServer({ dataDir, env: ENV });
    const book = new ClaimsBook();
    await claimOneByOne(server, book, sale, 1, 31);
    await server.kill();
    for (const name of fs.readdirSync(dataDir)) {
      if (name.startsWith('records.db')) fs.rmSync(path.join(dataDir, name));
    }
    fs.copyFileSync(path.join(backup, 'records.db'), database);

    const damaged = copyOf(dataDir);
    const { file } = lastSegment(damaged);
    // The fourth of thirty frames of two times 40 bytes.
    const position = 3 * 80;
    const bytes = fs.readFileSync(file);
    bytes[position + 50] ^= 0x10;
    fs.writeFileSync(file, bytes);
    const refused = await runServe(damaged, ENV);
    fs.rmSync(damaged, { recursive: true, force: true });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(file);
    expect(refused.stderr).toMatch(new RegExp(`\\b${position}\\b`));
    expect(refused.stderr).toMatch(/damaged/);

    // Undamaged, the log alone brings everything back into an older record store.
    server = await startServer({ dataDir, env: ENV });
    await checkPromises(server, book, [sale]);
    await checkRecords(server, [sale]);
    await until(async () => (await stockOf(server, sale.templateId)).flushed === 30, 'flushed again');
    await server.destroy();
  } finally {
    fs.rmSync(dataDir, { recursive: true, force: true });
    fs.rmSync(backup, { recursive: true, force: true });
  }
});
