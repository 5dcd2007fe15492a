/** Starting and stopping: one process per directory, a clean way down under load, and what is refused at start. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ClaimsBook } from '../support/book.ts';
import { checkPromises, stockOf } from '../support/check.ts';
import { Connection } from '../support/connection.ts';
import { Crowd, claim } from '../support/crowd.ts';
import { seeded } from '../support/random.ts';
import { newTemplate } from '../support/sales.ts';
import { newDataDir, runServe, Server, startServer } from '../support/server.ts';
import { until } from '../support/wait.ts';

test('a second process on the same directory is refused, and the first goes on', async () => {
  const server = await startServer();
  try {
    const sale = await newTemplate(server, { stock: 10 });
    const second = await runServe(server.dataDir);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`in use by process ${server.pid}`);
    const book = new ClaimsBook();
    const connection = await Connection.open(server.port);
    expect((await claim(connection, book, { sale, userId: '1', key: null })).status).toBe(201);
    connection.close();
  } finally {
    await server.destroy();
  }
});

test('of two processes started at once exactly one survives', async () => {
  for (let round = 0; round < 3; round++) {
    const dataDir = newDataDir();
    const starts = await Promise.allSettled([startServer({ dataDir }), startServer({ dataDir })]);
    const alive = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
    const refused = starts.flatMap((start) => (start.status === 'rejected' ? [String(start.reason)] : []));
    for (const server of alive) await server.destroy();
    expect(alive).toHaveLength(1);
    expect(alive[0]).toBeInstanceOf(Server);
    expect(refused[0]).toMatch(/ended with 1.*in use/);
  }
});

test('a restart right after SIGKILL works, with the secrets of the first start', async () => {
  const dataDir = newDataDir();
  const env = { ADMIN_TOKEN: '' };
  let server = await startServer({ dataDir, env });
  const secrets = ['admin-token', 'code-key'].map((name) => path.join(dataDir, name));
  const made = secrets.map((file) => fs.readFileSync(file, 'utf8'));
  for (const file of secrets) expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  try {
    for (let round = 0; round < 3; round++) {
      await server.kill();
      server = await startServer({ dataDir, env });
      expect((await server.internal('/readyz')).status).toBe(200);
    }
    expect(secrets.map((file) => fs.readFileSync(file, 'utf8'))).toEqual(made);
    const response = await fetch(`http://127.0.0.1:${server.port}/v1/templates`, {
      headers: { Authorization: `Bearer ${made[0]}` },
    });
    expect(response.status).toBe(200);
  } finally {
    await server.destroy();
  }
});

test.each([1, 8])('SIGTERM under load answers, flushes and exits 0 (%i partitions)', async (partitions) => {
  const random = seeded('drain');
  const dataDir = newDataDir();
  const env = { OWNER_THREADS: partitions === 1 ? '1' : '4' };
  let server = await startServer({ dataDir, env });
  try {
    const book = new ClaimsBook();
    const sale = await newTemplate(server, { stock: 3000, partitions });
    const crowd = new Crowd({ port: server.port, book, random, sales: [sale], users: 2000, connections: 64 });
    await until(() => book.count('claimed') > 300, 'the crowd buys');
    expect(await server.stop()).toBe(0);
    await crowd.ended();
    // A connection may end between two requests; one that was being read when it closed is sent again by any client.
    expect(book.faults).toEqual([]);
    expect(server.log.at(-1)).toMatchObject({ msg: 'stopped' });

    server = await startServer({ dataDir, env });
    const { claimed, flushed } = await stockOf(server, sale.templateId);
    expect(flushed).toBe(claimed);
    const ready = server.log.filter(({ msg }) => msg === 'owner ready');
    expect(ready.reduce((sum, { claims }) => sum + Number(claims), 0)).toBe(claimed);
    await checkPromises(server, book, [sale]);
  } finally {
    await server.destroy();
  }
});

test('what is in flight at SIGTERM is answered before the process ends', async () => {
  const server = await startServer({ env: { LOG_SYNC: 'always' } });
  try {
    const sale = await newTemplate(server, { stock: 1000 });
    const book = new ClaimsBook();
    const connections = await Promise.all(Array.from({ length: 100 }, () => Connection.open(server.port)));
    const answers = connections.map((connection, i) =>
      claim(connection, book, { sale, userId: String(i + 1), key: null }),
    );
    await answers[0];
    const stopped = server.stop();
    const settled = await Promise.allSettled(answers);
    expect(settled.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(book.count('claimed') + book.count('unavailable')).toBe(100);
    expect(await stopped).toBe(0);
  } finally {
    await server.destroy();
  }
});

test('every wrong value is reported at once, with exit code 2 and without secrets', async () => {
  const dataDir = newDataDir();
  const { code, stderr } = await runServe(dataDir, {
    PORT: '99999',
    OWNER_THREADS: 'many',
    LOG_SYNC: 'sometimes',
    CODE_KEY: 'too-short-to-be-a-key',
    REDIS_URL: 'redis://127.0.0.1:6379',
  });
  fs.rmSync(dataDir, { recursive: true });
  expect(code).toBe(2);
  for (const name of ['PORT', 'OWNER_THREADS', 'LOG_SYNC', 'CODE_KEY', 'MYSQL_URL'])
    expect(stderr).toContain(name);
  for (const given of ['99999', 'many', 'sometimes']) expect(stderr).toContain(given);
  expect(stderr).not.toContain('too-short');
});

test('another CODE_KEY than the one the database was made with is refused', async () => {
  const dataDir = newDataDir();
  const server = await startServer({ dataDir });
  expect(await server.stop()).toBe(0);
  const other = randomBytes(32).toString('hex');
  const refused = await runServe(dataDir, { CODE_KEY: other });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('CODE_KEY');
  expect(refused.stderr).not.toContain(other);
  // The right key, given instead of found, is fine.
  const again = await startServer({
    dataDir,
    env: { CODE_KEY: fs.readFileSync(path.join(dataDir, 'code-key'), 'utf8').trim() },
  });
  await again.destroy();
});

test('a port that is taken is told, and the process ends', async () => {
  const server = await startServer();
  const dataDir = newDataDir();
  try {
    const refused = await runServe(dataDir, { PORT: String(server.port) });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain(String(server.port));
  } finally {
    fs.rmSync(dataDir, { recursive: true });
    await server.destroy();
  }
});
