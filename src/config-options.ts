/**
 * The one table of options. Parsing, the help, the flags and the error messages are all read from it.
 * The flag of an option is its name in lower case with dashes; secrets have none (process lists show flags) and
 * can be given as NAME_FILE, the path of a file that holds the value.
 */
import { availableParallelism } from 'node:os';
import type { Kind } from './config-kinds.ts';
import {
  choice,
  duration,
  durationText,
  headerSecret,
  hmacSecret,
  hostName,
  integer,
  key32,
  keySetUrl,
  origins,
  path,
  publicKeyPem,
  redisUrl,
  storeUrl,
} from './config-kinds.ts';
import {
  MYSQL_TIMEOUT_MS,
  OWNER_THREADS_MAX,
  SEAT_TTL_MS,
  SEGMENT_BYTES_MAX,
  SEGMENT_KEEP_MS,
} from './limits.ts';

export interface Option<T> {
  readonly name: string;
  readonly kind: Kind<NonNullable<T>>;
  readonly default: T;
  /** How the help puts the default. */
  readonly defaultText: string;
  readonly help: string;
  readonly secret: boolean;
}

function option<T>(name: string, kind: Kind<T>, help: string, value: T, text = String(value)): Option<T> {
  return { name, kind: kind as Kind<NonNullable<T>>, default: value, defaultText: text, help, secret: false };
}

function unset<T>(name: string, kind: Kind<T>, help: string, text = 'none'): Option<T | null> {
  return { name, kind: kind as Kind<NonNullable<T>>, default: null, defaultText: text, help, secret: false };
}

function secret<T>(name: string, kind: Kind<T>, help: string, text = 'none'): Option<T | null> {
  return { ...unset(name, kind, help, text), secret: true };
}

function time(name: string, maxMs: number, help: string, valueMs: number, minMs = 0): Option<number> {
  return option(name, duration(maxMs, minMs), help, valueMs, durationText(valueMs));
}

const threads = Math.min(OWNER_THREADS_MAX, Math.max(1, availableParallelism() - 1));
const level = choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent');
const port = integer(0, 65_535);
const DAY_MS = 86_400_000;

/** By the name of the member of Config that carries the value. */
export const OPTIONS = {
  host: option('HOST', hostName, 'address of the public API and the WebSocket', '127.0.0.1'),
  port: option('PORT', port, 'its port; 0 takes a free one', 8080),
  internalHost: option('INTERNAL_HOST', hostName, 'address of /healthz, /readyz and /metrics', '127.0.0.1'),
  internalPort: option('INTERNAL_PORT', port, 'its port; 0 takes a free one', 8081),
  dataDir: option(
    'DATA_DIR',
    path,
    'claim log, database, node identity, secrets',
    path.parse('data')!,
    './data',
  ),
  redisUrl: unset('REDIS_URL', redisUrl, 'ledger of the profiles single and cluster'),
  mysqlUrl: unset('MYSQL_URL', storeUrl('mysql:'), 'record store of the profiles single and cluster'),
  profile: unset(
    'PROFILE',
    choice('embedded', 'single', 'cluster'),
    'embedded needs neither URL, single and cluster need both',
    'by the URLs',
  ),
  redisWaitReplicas: option(
    'REDIS_WAIT_REPLICAS',
    integer(0, 16),
    'profile cluster: Redis replicas that must have a batch of claims before it is acknowledged',
    0,
  ),
  seatTtlMs: time(
    'SEAT_TTL',
    60_000,
    'profile cluster: after a silence of so long a node has lost its place, and the units it had not sold are sold elsewhere',
    SEAT_TTL_MS,
    2_000,
  ),
  mysqlTimeoutMs: time('MYSQL_TIMEOUT', 60_000, 'how long one statement may take', MYSQL_TIMEOUT_MS, 3_000),
  auth: option('AUTH', choice('gateway', 'jwt'), 'who says who a user is', 'gateway'),
  gatewayKey: secret('GATEWAY_KEY', headerSecret, 'X-Gateway-Key that the gateway must send'),
  jwtSecret: secret('JWT_SECRET', hmacSecret, 'AUTH=jwt with HS256'),
  jwtPublicKey: secret('JWT_PUBLIC_KEY', publicKeyPem, 'AUTH=jwt with RS256, ES256 or EdDSA, by the key'),
  jwksUrl: unset('JWKS_URL', keySetUrl, 'AUTH=jwt with the key set found there'),
  adminToken: secret('ADMIN_TOKEN', headerSecret, 'bearer token of operators', 'made: DATA_DIR/admin-token'),
  codeKey: secret('CODE_KEY', key32, 'key of the coupon codes', 'made: DATA_DIR/code-key'),
  logSync: option(
    'LOG_SYNC',
    choice('always', 'os'),
    'always: on disk before an acknowledgement; os: handed to the operating system',
    'always',
  ),
  logSegmentBytes: option(
    'LOG_SEGMENT_BYTES',
    integer(1024 * 1024, SEGMENT_BYTES_MAX),
    'size at which the claim log begins a new segment',
    SEGMENT_BYTES_MAX,
  ),
  segmentKeepMs: time('SEGMENT_KEEP', 365 * DAY_MS, 'how long flushed segments stay', SEGMENT_KEEP_MS),
  ownerThreads: option(
    'OWNER_THREADS',
    integer(1, OWNER_THREADS_MAX),
    'threads that decide claims',
    threads,
    'cores - 1, at least 1',
  ),
  corsOrigins: option('CORS_ORIGINS', origins, 'who may call from a browser', Object.freeze([]), 'none'),
  lagLimitClaims: option(
    'LAG_LIMIT',
    integer(1, 1_000_000_000),
    'claims not yet in the record store before new ones are refused',
    10_000_000,
  ),
  drainTimeoutMs: time('DRAIN_TIMEOUT', DAY_MS, 'patience at SIGTERM', 30_000),
  rateLimitUserPerSecond: option(
    'RATE_LIMIT_USER',
    integer(0, 1_000_000),
    'claims a second of one user, bursts of twice that; 0 is off',
    5,
  ),
  rateLimitAddressPerSecond: option(
    'RATE_LIMIT_ADDRESS',
    integer(0, 1_000_000),
    "claims a second from one address (IPv6: one /64), bursts of twice that; 0 is off. The address is the peer's, or, " +
      'from a caller with the gateway key, the last of X-Forwarded-For',
    0,
  ),
  lockTtlSeconds: option(
    'LOCK_TTL',
    integer(60, 86_400),
    'seconds a lock of coupons lasts unless it says',
    900,
  ),
  returns: option(
    'RETURNS',
    choice('recheck', 'exact'),
    'recheck: a return is held to what the kept goods would have cost with the coupons; exact: it is not',
    'recheck',
  ),
  logLevel: option('LOG_LEVEL', level, 'JSON lines to stderr', 'info'),
  faultsPath: unset(
    'FAULTS',
    path,
    'control file of injected faults, for tests and game days only, never for a sale',
    'off',
  ),
};

export function flagOf(option: { readonly name: string }): string {
  return option.name.toLowerCase().replaceAll('_', '-');
}

/** As commander names it: `--drain-timeout` arrives as `drainTimeout`. */
export function flagKeyOf(option: { readonly name: string }): string {
  return flagOf(option).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** What `serve` declares to its command line: `.option(flags, description)` for each. No defaults: those are here. */
export function serveFlags(): { readonly flags: string; readonly description: string }[] {
  return Object.values(OPTIONS)
    .filter((one) => !one.secret)
    .map((one) => ({
      flags: `--${flagOf(one)} <${one.kind.placeholder}>`,
      description: `${one.help}: ${one.kind.allowed} (${one.name}, default ${one.defaultText})`,
    }));
}

/** The rest of the help: what is given as a variable only. */
export function secretsHelp(): string {
  const lines = Object.values(OPTIONS)
    .filter((one) => one.secret)
    .map((one) => `  ${one.name.padEnd(16)} ${one.help}: ${one.kind.allowed} (default ${one.defaultText})`);
  return ['Secrets, only as variables, or as NAME_FILE holding the path of a file:', ...lines].join('\n');
}
