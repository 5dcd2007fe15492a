import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Config, readClientConfig, readConfig } from '../src/config.ts';
import { flagKeyOf, OPTIONS, secretsHelp, serveFlags } from '../src/config-options.ts';

const root = mkdtempSync(join(tmpdir(), 'doorbuster-config-'));
afterAll(() => rmSync(root, { recursive: true }));

type Env = Record<string, string>;

function config(env: Env = {}, flags: Record<string, unknown> = {}): Config {
  const result = readConfig(env, flags);
  if (!result.ok) throw new Error(result.errors.join('\n'));
  return result.config;
}

function errors(env: Env, flags: Record<string, unknown> = {}): string[] {
  const result = readConfig(env, flags);
  return result.ok ? [] : result.errors;
}

function warnings(env: Env): string[] {
  const result = readConfig(env, {});
  return result.ok ? result.warnings : ['refused'];
}

function pem(type: 'public' | 'private', pair = generateKeyPairSync('ed25519')): string {
  return type === 'public'
    ? (pair.publicKey.export({ type: 'spki', format: 'pem' }) as string)
    : (pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
}

test('the defaults are those of the contract', () => {
  expect(config()).toMatchObject({
    host: '127.0.0.1',
    port: 8080,
    internalHost: '127.0.0.1',
    internalPort: 8081,
    dataDir: resolve('data'),
    profile: 'embedded',
    auth: 'gateway',
    adminToken: null,
    codeKey: null,
    logSync: 'always',
    corsOrigins: [],
    lagLimitClaims: 10_000_000,
    drainTimeoutMs: 30_000,
    rateLimitUserPerSecond: 5,
    rateLimitAddressPerSecond: 0,
    logLevel: 'info',
    logSegmentBytes: 64 * 1024 * 1024,
    segmentKeepMs: 600_000,
    faultsPath: null,
  });
  expect(config().ownerThreads).toBeGreaterThanOrEqual(1);
  expect(Object.isFrozen(config())).toBe(true);
});

test('flags win over variables, and empty variables are not set', () => {
  expect(config({ PORT: '1', OWNER_THREADS: '' }, { port: '2' }).port).toBe(2);
  expect(config({ PORT: '0', INTERNAL_PORT: '0' })).toMatchObject({ port: 0, internalPort: 0 });
  expect(errors({}, { drainTimeout: 'soon' })).toEqual([
    expect.stringContaining('DRAIN_TIMEOUT (--drain-timeout): given "soon"'),
  ]);
});

test.each([
  ['30s', 30_000],
  ['500ms', 500],
  ['7', 7000],
  ['1.5', 1500],
  ['0', 0],
  ['2m', 120_000],
])('a duration of %s is %i ms', (text, ms) =>
  expect(config({ DRAIN_TIMEOUT: text }).drainTimeoutMs).toBe(ms),
);

test.each([
  ['PORT', '65536'],
  ['PORT', '-1'],
  ['PORT', '80a'],
  ['INTERNAL_PORT', '1.5'],
  ['HOST', 'two words'],
  ['AUTH', 'none'],
  ['LOG_SYNC', 'never'],
  ['LOG_LEVEL', 'loud'],
  ['OWNER_THREADS', '0'],
  ['OWNER_THREADS', '65'],
  ['LAG_LIMIT', '0'],
  ['DRAIN_TIMEOUT', '30 s'],
  ['RATE_LIMIT_USER', '-5'],
  ['RATE_LIMIT_ADDRESS', 'many'],
  ['CORS_ORIGINS', '*'],
  ['CORS_ORIGINS', 'https://shop.example/'],
  ['JWKS_URL', 'http://issuer.example/keys'],
  ['LOG_SEGMENT_BYTES', '1048575'],
  ['LOG_SEGMENT_BYTES', '67108865'],
  ['SEGMENT_KEEP', 'long'],
  ['PROFILE', 'double'],
])('%s=%s is refused once, with name, value and what is allowed', (name, value) => {
  expect(errors({ [name]: value })).toEqual([expect.stringMatching(`^${name}: given "`)]);
  expect(errors({ [name]: value })[0]).toContain(value);
  expect(errors({ [name]: value })[0]).toContain('; allowed: ');
});

test('everything that is wrong is said at once, and no secret with it', () => {
  const env = {
    PORT: 'x',
    LOG_LEVEL: 'x',
    GATEWAY_KEY: 'secret with spaces',
    CODE_KEY: 'secret too short',
    REDIS_URL: 'ftp://user:secret@10.0.0.1',
    MYSQL_URL: 'http://user:secret@10.0.0.1',
  };
  const found = errors({ ...env, HOST: '0.0.0.0' });
  for (const name of ['PORT', 'LOG_LEVEL', 'GATEWAY_KEY', 'CODE_KEY', 'REDIS_URL', 'MYSQL_URL']) {
    expect(found.filter((error) => error.startsWith(name))).not.toEqual([]);
  }
  expect(found).toHaveLength(6);
  expect(found.join()).not.toContain('secret');
});

test('no part of a bad URL that could be a password is shown', () => {
  const bad = [
    'redis://:se/cret@host:6379',
    'redis://user:secret',
    'redis://user:sec@ret@host:x',
    'http://secret:secret@host',
  ];
  for (const REDIS_URL of bad) {
    const found = errors({ REDIS_URL, MYSQL_URL: 'mysql://localhost/coupons' }).join();
    expect({ REDIS_URL, found }).toMatchObject({ found: expect.stringMatching(/^REDIS_URL: given "/) });
    expect(found).not.toMatch(/se.?cret|sec@|ret@/);
  }
  expect(errors({ REDIS_URL: 'http://host:6379/0', MYSQL_URL: 'mysql://localhost/coupons' })[0]).toContain(
    'given "http://host:6379/0"',
  );
});

test.each([
  'redis://localhost',
  'rediss://user:p%40ss@10.0.0.1:6380/2',
  'redis://one:7000,two:7001,[::1]:7002',
  'redis://:secret@one,two?cluster=1',
])('%s is taken as it is', (REDIS_URL) => {
  expect(config({ REDIS_URL, MYSQL_URL: 'mysql://localhost/coupons' }).redisUrl).toBe(REDIS_URL);
});

test.each(['redis://', 'redis://one,', 'redis://one:x,two', 'redis://one two'])(
  '%s is no Redis',
  (REDIS_URL) => {
    expect(errors({ REDIS_URL, MYSQL_URL: 'mysql://localhost/coupons' })[0]).toMatch(/^REDIS_URL/);
  },
);

test('both servers cannot have one port', () => {
  expect(errors({ PORT: '9000', INTERNAL_PORT: '9000' })).toEqual([
    expect.stringMatching(/^INTERNAL_PORT: given 9000/),
  ]);
});

describe('stores', () => {
  const REDIS_URL = 'redis://localhost';
  const MYSQL_URL = 'mysql://localhost/coupons';
  const CODE_KEY = 'ab'.repeat(32);
  test.each<[Env, string]>([
    [{}, 'embedded'],
    [{ REDIS_URL, MYSQL_URL }, 'single'],
    [{ PROFILE: 'single', REDIS_URL, MYSQL_URL }, 'single'],
    [{ PROFILE: 'cluster', REDIS_URL, MYSQL_URL, CODE_KEY }, 'cluster'],
  ])('%j is profile %s', (env, profile) => expect(config(env).profile).toBe(profile));
  test.each<[Env, string[]]>([
    [{ REDIS_URL }, ['MYSQL_URL: missing', 'REDIS_URL needs it']],
    [{ MYSQL_URL }, ['REDIS_URL: missing', 'MYSQL_URL needs it']],
    [{ PROFILE: 'single' }, ['REDIS_URL and MYSQL_URL: missing', 'PROFILE=single']],
    [{ PROFILE: 'cluster', REDIS_URL, CODE_KEY }, ['MYSQL_URL: missing', 'PROFILE=cluster']],
    [{ PROFILE: 'cluster', REDIS_URL, MYSQL_URL }, ['CODE_KEY: missing', 'cluster']],
    [{ PROFILE: 'embedded', REDIS_URL }, ['PROFILE: given embedded with REDIS_URL']],
  ])('%j is refused', (env, parts) => {
    const found = errors(env);
    expect(found).toHaveLength(1);
    for (const part of parts) expect(found[0]).toContain(part);
  });
  test('embedded may be said', () => expect(config({ PROFILE: 'embedded' }).profile).toBe('embedded'));
});

describe('who is calling', () => {
  test.each(['127.0.0.1', '127.8.0.1', '::1', '[::1]', 'localhost'])(
    'no gateway key on %s: a warning',
    (HOST) => {
      expect(warnings({ HOST })).toEqual([expect.stringContaining('GATEWAY_KEY')]);
      expect(warnings({ HOST, GATEWAY_KEY: 'k'.repeat(32) })).toEqual([]);
    },
  );
  test.each(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example', 'shop.example'])(
    'no gateway key on %s: refused',
    (HOST) => {
      expect(errors({ HOST })).toEqual([expect.stringMatching(/^GATEWAY_KEY: missing/)]);
      expect(errors({ HOST, GATEWAY_KEY: 'k'.repeat(32) })).toEqual([]);
    },
  );
  test('jwt needs exactly one key', () => {
    const keys = {
      JWT_SECRET: 's'.repeat(32),
      JWT_PUBLIC_KEY: pem('public'),
      JWKS_URL: 'https://issuer.example/keys',
    };
    expect(errors({ AUTH: 'jwt' })).toEqual([expect.stringContaining('exactly one of')]);
    expect(errors({ AUTH: 'jwt', ...keys })).toEqual([expect.stringContaining('exactly one of')]);
    for (const [name, value] of Object.entries(keys)) {
      expect(errors({ AUTH: 'jwt', HOST: '0.0.0.0', [name]: value })).toEqual([]);
    }
    expect(warnings(keys)).toEqual([
      expect.stringContaining('not used'),
      expect.stringContaining('GATEWAY_KEY'),
    ]);
    expect(config({ AUTH: 'jwt', JWKS_URL: 'http://127.0.0.1:99/k' }).jwksUrl).toBe('http://127.0.0.1:99/k');
  });
  test('a public key says its algorithm; others are refused', () => {
    const rsa = (bits: number) => pem('public', generateKeyPairSync('rsa', { modulusLength: bits }) as never);
    const ec = (namedCurve: string) => pem('public', generateKeyPairSync('ec', { namedCurve }) as never);
    const read = (key: string) => readConfig({ AUTH: 'jwt', JWT_PUBLIC_KEY: key }, {});
    for (const [key, algorithm] of [
      [pem('public'), 'EdDSA'],
      [pem('public').replaceAll('\n', '\\n'), 'EdDSA'],
      [rsa(2048), 'RS256'],
      [ec('P-256'), 'ES256'],
    ] as const) {
      expect(read(key)).toMatchObject({ ok: true, config: { jwtPublicKey: { algorithm } } });
    }
    for (const key of [pem('private'), rsa(1024), ec('P-384'), ec('secp256k1'), 'nonsense']) {
      expect(read(key)).toEqual({
        ok: false,
        errors: [expect.stringMatching(/^JWT_PUBLIC_KEY: given \*\*\*;/)],
      });
    }
  });
  test('a public key is no HMAC secret', () => {
    expect(errors({ AUTH: 'jwt', JWT_SECRET: pem('public') })).toEqual([
      expect.stringMatching(/^JWT_SECRET: given \*\*\*/),
    ]);
  });
});

describe('secrets', () => {
  test('are read from files, without the line end', () => {
    const file = join(root, 'token');
    writeFileSync(file, 'the-token-of-operators\n');
    expect(config({ ADMIN_TOKEN_FILE: file }).adminToken).toBe('the-token-of-operators');
    writeFileSync(file, '');
    expect(errors({ ADMIN_TOKEN_FILE: file })).toEqual([expect.stringMatching(/^ADMIN_TOKEN: given \*\*\*/)]);
  });
  test('a file that is not there, or both, is refused', () => {
    expect(errors({ GATEWAY_KEY_FILE: join(root, 'no'), HOST: '0.0.0.0' })).toEqual([
      expect.stringContaining(join(root, 'no')),
    ]);
    expect(errors({ ADMIN_TOKEN: 'x', ADMIN_TOKEN_FILE: 'y' })).toEqual([
      expect.stringContaining('ADMIN_TOKEN_FILE'),
    ]);
  });
  test('are no flags', () => {
    expect(errors({}, { adminToken: 'secret' })).toEqual([
      expect.stringMatching(/^ADMIN_TOKEN: given as --admin-token/),
    ]);
  });
  test('short ones are warned of', () => {
    expect(warnings({ GATEWAY_KEY: 'short', ADMIN_TOKEN: 'short' })).toHaveLength(2);
  });
  test('the code key is 32 bytes, hex or base64', () => {
    const bytes = Buffer.alloc(32, 0xf9);
    for (const text of [
      bytes.toString('hex').toUpperCase(),
      bytes.toString('base64'),
      bytes.toString('base64url'),
    ]) {
      expect(config({ CODE_KEY: text }).codeKey).toBe(bytes.toString('hex'));
    }
    expect(errors({ CODE_KEY: 'f'.repeat(63) })).toHaveLength(1);
  });
});

test('the help names every option once, with its bounds: flags, and secrets as variables', () => {
  const help = [
    ...serveFlags().map(({ flags, description }) => `${flags} ${description}`),
    secretsHelp(),
  ].join('\n');
  for (const option of Object.values(OPTIONS)) {
    expect(help).toContain(option.name);
    expect(help).toContain(option.kind.allowed);
    expect(
      serveFlags().some(({ flags }) =>
        flags.startsWith(`--${option.name.toLowerCase().replaceAll('_', '-')} `),
      ),
    ).toBe(!option.secret);
  }
  expect(flagKeyOf({ name: 'RATE_LIMIT_USER' })).toBe('rateLimitUser');
});

test('a limit by address that can only see a gateway is warned of', () => {
  expect(warnings({ RATE_LIMIT_ADDRESS: '5' })).toContainEqual(expect.stringContaining('RATE_LIMIT_ADDRESS'));
  const key = 'k'.repeat(16);
  expect(warnings({ RATE_LIMIT_ADDRESS: '5', GATEWAY_KEY: key })).toEqual([]);
  expect(warnings({ RATE_LIMIT_ADDRESS: '0' })).toHaveLength(1);
});

test('clients find the server by flags, then variables', () => {
  expect(readClientConfig({}, {})).toEqual({ url: 'http://127.0.0.1:8080', token: null });
  const env = { DOORBUSTER_URL: 'http://a/', DOORBUSTER_TOKEN: 't' };
  expect(readClientConfig({}, env)).toEqual({ url: 'http://a', token: 't' });
  expect(readClientConfig({ url: 'http://b', token: 'u' }, env)).toEqual({ url: 'http://b', token: 'u' });
});
