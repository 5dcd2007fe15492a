/** What this process was given or has made to keep secret is struck out of its log. */
import { expect, test } from 'vitest';
import { createLogger, StruckValues } from '../../src/logger.ts';
import { configuredSecrets, madeSecrets } from '../../src/start/known-secrets.ts';

const NOTHING = {
  redisUrl: null,
  mysqlUrl: null,
  jwksUrl: null,
  gatewayKey: null,
  jwtSecret: null,
  adminToken: null,
  codeKey: null,
};

function logged(secrets: StruckValues, text: string): string {
  const lines: string[] = [];
  const to = { write: (line: string) => void lines.push(line) };
  createLogger({ level: 'info', secrets, to }).info({ err: new Error(text) }, text);
  return lines.join('');
}

test.each([
  ['redisUrl', 'redis://user:s%40feguarded@a,b:7000/0?cluster=1', ['s%40feguarded', 's@feguarded']],
  ['redisUrl', 'rediss://:only-a-password@host', ['only-a-password']],
  ['mysqlUrl', 'mysql://root:with:colon%zz@host:3306/shop', ['with:colon%zz']],
  ['jwksUrl', 'https://reader:keyset-pass@host/keys', ['keyset-pass']],
  ['gatewayKey', 'gateway-key-0123456789', ['gateway-key-0123456789']],
  ['jwtSecret', 'jwt-secret-0123456789', ['jwt-secret-0123456789']],
  ['adminToken', 'admin-token-0123456789', ['admin-token-0123456789']],
  ['codeKey', '5d'.repeat(32), ['5d'.repeat(32)]],
] as const)('%s %s', (name, value, hidden) => {
  const secrets = new StruckValues(configuredSecrets({ ...NOTHING, [name]: value }));
  for (const text of hidden) {
    const line = logged(secrets, `could not use ${text} there`);
    expect(line).toContain('could not use *** there');
    expect(line).not.toContain(text);
  }
});

test('a URL without a password hides nothing of itself', () => {
  const urls = { redisUrl: 'redis://host-of-redis:6379', mysqlUrl: 'mysql://just-a-user@host-of-mysql/shop' };
  const secrets = new StruckValues(configuredSecrets({ ...NOTHING, ...urls }));
  for (const text of Object.values(urls)) expect(logged(secrets, text)).toContain(text);
});

test('what is made or read later is struck from then on', () => {
  const secrets = new StruckValues(configuredSecrets(NOTHING));
  const codeKey = Buffer.alloc(32, 0xa7);
  const text = `made-admin-token ${codeKey.toString('hex')} ${codeKey.toString('base64')}`;
  expect(logged(secrets, text)).toContain('made-admin-token');
  secrets.add(madeSecrets({ adminToken: 'made-admin-token', codeKey }));
  expect(logged(secrets, text)).toContain('"*** *** ***"');
});
