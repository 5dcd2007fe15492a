/** The bin as a process: exit codes, what goes to stdout and stderr, and what it says when something is wrong. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runCli } from '../support/server.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-cli-'));
afterAll(() => fs.rmSync(directory, { recursive: true }));

function fileOf(name: string, text: string): string {
  const file = path.join(directory, name);
  fs.writeFileSync(file, text);
  return file;
}

describe('the command line', () => {
  test('prints its version', async () => {
    const { version } = JSON.parse(fs.readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await runCli(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('prints help for itself and each command', async () => {
    const { code, stdout, stderr } = await runCli(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const command of ['serve', 'template', 'replay', 'audit', 'log'])
      expect(stdout).toContain(`\n  ${command}`);
    const serve = await runCli(['serve', '--help']);
    expect(serve.code).toBe(0);
    for (const word of [
      '--owner-threads',
      '--log-sync',
      'DATA_DIR',
      'CODE_KEY',
      'an integer from 0 to 65535',
    ])
      expect(serve.stdout).toContain(word);
    expect(serve.stdout).not.toContain('--admin-token');
    const replay = await runCli(['help', 'replay']);
    expect(replay.stdout).toContain('--create-templates');
    const template = await runCli(['template', 'import', '--help']);
    for (const word of ['--currency', '--dry-run', 'discount_rate', '"150:20"'])
      expect(template.stdout).toContain(word);
  });

  test.each([
    [[], 'Usage:'],
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['serve', '--admin-token', 'x'], "unknown option '--admin-token'"],
    [['replay'], "missing required argument 'file'"],
    [['replay', 'a', 'b'], 'too many arguments'],
    [['replay', 'a', '--concurrency', '0'], 'an integer from 1 to 1024'],
    [['replay', 'a', '--create-templates', '--stock-share', '50%'], '0 to 1 with at most six decimals'],
    [['replay', 'a', '--stock-share', '0.5'], '--stock-share goes with --create-templates'],
    [['template', 'publish', 'abc'], 'the id of a template'],
    [['template', 'list', '--url', 'ftp://example'], '--url: given "ftp://example"'],
    [['audit', '--data-dir', 'x'], '--data-dir goes with --offline'],
    [['audit', '--offline', '--url', 'http://127.0.0.1:1'], '--url and --token do not go with it'],
    [['log'], 'Usage:'],
    [['log', 'inspect'], "missing required argument 'dir'"],
  ])('%j is wrong usage: exit 2', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
  });

  test('serve tells all that is wrong with the configuration at once: exit 2', async () => {
    const { code, stderr } = await runCli(['serve', '--port', '99999'], {
      LOG_SYNC: 'maybe',
      ADMIN_TOKEN: 'a b',
    });
    expect(code).toBe(2);
    expect(stderr).toContain('PORT (--port): given "99999"');
    expect(stderr).toContain('LOG_SYNC: given "maybe"; allowed: one of always, os');
    expect(stderr).toContain('ADMIN_TOKEN: given ***');
    expect(stderr).not.toContain('a b');
  });
});

describe('the size of the thread pool', () => {
  /** Printed by the process itself when it ends. */
  async function poolSize(args: readonly string[], env: Record<string, string>): Promise<string> {
    const print = fileOf(
      'pool.cjs',
      "process.on('exit', () => require('node:fs').writeSync(2, 'pool=' + process.env.UV_THREADPOOL_SIZE));",
    );
    const { stderr } = await runCli(args, { NODE_OPTIONS: `--require ${print}`, ...env });
    return /pool=(.*)/.exec(stderr)![1]!;
  }

  test('has a thread for each owner and some to spare', async () => {
    expect(await poolSize(['--version'], { OWNER_THREADS: '7' })).toBe('11');
    expect(await poolSize(['serve', '--owner-threads', '9', '--port', 'x'], { OWNER_THREADS: '7' })).toBe(
      '13',
    );
    expect(await poolSize(['serve', '--owner-threads=9', '--port', 'x'], {})).toBe('13');
    const owners = Math.max(1, os.availableParallelism() - 1);
    expect(await poolSize(['--version'], {})).toBe(String(owners + 4));
    expect(await poolSize(['--version'], { OWNER_THREADS: 'many' })).toBe(String(owners + 4));
  });

  test('is the given one when one is given', async () => {
    expect(await poolSize(['--version'], { OWNER_THREADS: '7', UV_THREADPOOL_SIZE: '32' })).toBe('32');
  });
});

describe('an offline audit', () => {
  test('refuses what is no data directory and does not make one', async () => {
    const mistyped = path.join(directory, 'mistyped');
    const { code, stderr } = await runCli(['audit', '--offline', '--data-dir', mistyped]);
    expect([code, stderr]).toEqual([
      1,
      `error: ${mistyped} is no data directory: there is no records.db in it\n`,
    ]);
    expect(fs.existsSync(mistyped)).toBe(false);
  });

  test('makes no code key', async () => {
    const dataDir = path.join(directory, 'keyless');
    fs.mkdirSync(dataDir);
    fs.writeFileSync(path.join(dataDir, 'records.db'), '');
    const { code, stderr } = await runCli(['audit', '--offline'], { DATA_DIR: dataDir });
    expect([code, stderr]).toEqual([1, expect.stringContaining('cannot read the code key')]);
    expect(fs.readdirSync(dataDir)).toEqual(['records.db']);
  });
});
