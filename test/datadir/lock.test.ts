/** The lock against real processes: a kernel lock can't be tested inside one. Runs what `npm run build` compiled. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockDataDir } from '../../src/datadir/lock.ts';

const HOLDER = fileURLToPath(new URL('./lock-holder.mjs', import.meta.url));
let root: string;
let children: ChildProcess[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'doorbuster-lock-'));
  children = [];
});

afterEach(async () => {
  await Promise.all(children.map(kill));
  rmSync(root, { recursive: true });
});

interface Answer {
  readonly ok: boolean;
  readonly error?: string;
}

async function start(dataDir: string): Promise<{ child: ChildProcess; answer: Answer }> {
  const child = spawn(process.execPath, [HOLDER, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout! })) {
    return { child, answer: JSON.parse(line) as Answer };
  }
  throw new Error('the process ended without an answer');
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

test('a second process is refused with the directory and the pid of the first', async () => {
  const dataDir = join(root, 'data');
  const { child } = await start(dataDir);
  const result = lockDataDir(dataDir);
  expect(result).toEqual({ ok: false, error: expect.stringContaining(dataDir) });
  expect(result).toEqual({ ok: false, error: expect.stringContaining(`process ${child.pid}`) });
  expect((await start(dataDir)).answer.ok).toBe(false);
});

test('SIGKILL frees the lock, again and again', async () => {
  const dataDir = join(root, 'data');
  for (let round = 0; round < 3; round++) {
    const { child, answer } = await start(dataDir);
    expect(answer).toEqual({ ok: true });
    await kill(child);
  }
  const result = lockDataDir(dataDir);
  expect(result.ok).toBe(true);
  if (result.ok) result.release();
});

test('of processes starting together exactly one gets the lock', async () => {
  for (let round = 0; round < (process.env.LONG ? 20 : 4); round++) {
    const dataDir = join(root, `data-${round}`);
    const started = await Promise.all([start(dataDir), start(dataDir), start(dataDir)]);
    expect(started.filter(({ answer }) => answer.ok)).toHaveLength(1);
    await Promise.all(started.map(({ child }) => kill(child)));
  }
}, 60_000);

test('within one process: refused while held, free after release', () => {
  const first = lockDataDir(root);
  expect(first.ok).toBe(true);
  expect(lockDataDir(root)).toEqual({ ok: false, error: expect.stringContaining(`process ${process.pid}`) });
  if (first.ok) first.release();
  if (first.ok) first.release();
  const again = lockDataDir(root);
  expect(again.ok).toBe(true);
  if (again.ok) again.release();
});

test('the pid of a process that is gone is not named', async () => {
  const { child } = await start(root);
  const held = JSON.stringify(child.pid);
  await kill(child);
  const result = lockDataDir(root);
  writeFileSync(join(root, 'lock.pid'), held);
  expect(lockDataDir(root)).toEqual({ ok: false, error: expect.stringContaining('another process') });
  if (result.ok) result.release();
});

test('the directory is made for the owner only; one that cannot be is named', () => {
  const dataDir = join(root, 'deep', 'data');
  const result = lockDataDir(dataDir);
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  if (result.ok) result.release();
  writeFileSync(join(root, 'file'), '');
  expect(lockDataDir(join(root, 'file'))).toEqual({
    ok: false,
    error: expect.stringContaining(join(root, 'file')),
  });
});
