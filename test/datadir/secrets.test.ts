import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readSecrets, type Secrets } from '../../src/datadir/secrets.ts';

let root: string;
let dataDir: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'doorbuster-secrets-'));
  dataDir = join(root, 'data');
});
afterEach(() => rmSync(root, { recursive: true }));

const none = { adminToken: null, codeKey: null };

function secrets(given: { adminToken: string | null; codeKey: string | null } = none): Secrets {
  const result = readSecrets({ dataDir, ...given });
  if (!result.ok) throw new Error(result.errors.join('; '));
  return result.secrets;
}

test('made at the first start, mode 0600 in a directory of mode 0700, and the same at the next', () => {
  const result = readSecrets({ dataDir, ...none });
  expect(result.ok && result.made).toEqual([join(dataDir, 'admin-token'), join(dataDir, 'code-key')]);
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  for (const name of ['admin-token', 'code-key']) {
    expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
  }
  expect(readdirSync(dataDir).sort()).toEqual(['admin-token', 'code-key']);
  const first = secrets();
  expect(first.adminToken).toMatch(/^[\w-]{43}$/);
  expect(first.codeKey).toHaveLength(32);
  expect(secrets()).toEqual(first);
});

test('two installations have different secrets', () => {
  const first = secrets();
  dataDir = join(root, 'other');
  expect(secrets().adminToken).not.toBe(first.adminToken);
  expect(secrets().codeKey.equals(first.codeKey)).toBe(false);
});

test('what the configuration gives wins, and no file is made for it', () => {
  const given = { adminToken: 'operators-of-the-shop', codeKey: 'ab'.repeat(32) };
  expect(secrets(given)).toEqual({ adminToken: given.adminToken, codeKey: Buffer.alloc(32, 0xab) });
  secrets({ ...none, codeKey: given.codeKey });
  expect(readdirSync(dataDir)).toEqual(['admin-token']);
});

test('a line end after the value is no part of it', () => {
  const first = secrets();
  writeFileSync(join(dataDir, 'admin-token'), `${first.adminToken}\n`);
  expect(secrets()).toEqual(first);
});

test.each([
  ['admin-token', ''],
  ['admin-token', 'short'],
  ['admin-token', 'two words are not one token'],
  ['code-key', ''],
  ['code-key', 'ab'.repeat(31)],
  ['code-key', 'zz'.repeat(32)],
])('a malformed %s stops the start, names the file and stays as it is: %j', (name, content) => {
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, name), content);
  expect(readSecrets({ dataDir, ...none })).toEqual({
    ok: false,
    errors: [expect.stringContaining(join(dataDir, name))],
  });
  expect(readFileSync(join(dataDir, name), 'utf8')).toBe(content);
});

test('what a crash left half written is overwritten', () => {
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, '.code-key.tmp'), 'ab');
  chmodSync(join(dataDir, '.code-key.tmp'), 0o600);
  secrets();
  expect(readdirSync(dataDir).sort()).toEqual(['admin-token', 'code-key']);
});
