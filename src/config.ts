/**
 * Environment and flags → one frozen Config. The only reader of process.env. Everything that is wrong is said at
 * once: a start that fails five times for five reasons costs a sale its first minutes. Flags win over variables;
 * an empty variable counts as not set, because that is how compose files and CI leave one out.
 */
import { readFileSync } from 'node:fs';
import { isLoopback } from './config-kinds.ts';
import { flagKeyOf, flagOf, OPTIONS, type Option } from './config-options.ts';

type Value<O> = O extends Option<infer T> ? T : never;
type Values = { readonly [K in keyof typeof OPTIONS]: Value<(typeof OPTIONS)[K]> };

export type Profile = 'embedded' | 'single' | 'cluster';

export interface Config extends Omit<Values, 'profile'> {
  readonly profile: Profile;
}

export type Environment = Readonly<Record<string, string | undefined>>;
/** Keys as commander makes them (`drainTimeout`), values as typed. */
export type Flags = Readonly<Record<string, unknown>>;

export type ConfigResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: string[] }
  | { readonly ok: false; readonly errors: string[] };

export function readConfig(env: Environment, flags: Flags): ConfigResult {
  const errors: string[] = [];
  const bad = new Set<string>();
  const values: Record<string, unknown> = {};
  for (const [field, option] of Object.entries(OPTIONS)) {
    const before = errors.length;
    values[field] = readOption(option as Option<unknown>, env, flags, errors);
    if (errors.length > before) bad.add(option.name);
  }
  const read = values as unknown as Values;
  const warnings: string[] = [];
  const profile = checkStores(read, bad, errors);
  if (profile === 'cluster' && read.codeKey === null && !bad.has('CODE_KEY')) {
    errors.push('CODE_KEY: missing; in the profile cluster all nodes must be given the same one');
  }
  checkCallers(read, bad, errors, warnings);
  if (read.port === read.internalPort && read.port !== 0 && read.host === read.internalHost) {
    errors.push(
      `INTERNAL_PORT: given ${read.port}, which is PORT; allowed: another port, or 0 for a free one`,
    );
  }
  if (read.faultsPath !== null) warnings.push('FAULTS is set: faults may be injected into this process');
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, config: Object.freeze({ ...read, profile }), warnings };
}

/** `readConfig` of this process. */
export function readProcessConfig(flags: Flags): ConfigResult {
  return readConfig(process.env, flags);
}

/** The record store alone, for what is done to it before anything is served; null: the embedded one. */
export function readMysqlUrl(
  flags: Flags,
  env: Environment = process.env,
): { readonly ok: true; readonly url: string | null } | { readonly ok: false; readonly errors: string[] } {
  const errors: string[] = [];
  const url = readOption(OPTIONS.mysqlUrl, env, flags, errors) as string | null;
  return errors.length > 0 ? { ok: false, errors } : { ok: true, url };
}

/** What commands that talk to a running server need; `--url` and `--token` win. */
export function readClientConfig(
  flags: Flags,
  env: Environment = process.env,
): { url: string; token: string | null } {
  const url = flags.url ?? (env.DOORBUSTER_URL || 'http://127.0.0.1:8080');
  const token = flags.token ?? (env.DOORBUSTER_TOKEN || null);
  return { url: String(url).replace(/\/+$/, ''), token: token === null ? null : String(token) };
}

function readOption(option: Option<unknown>, env: Environment, flags: Flags, errors: string[]): unknown {
  const { name, kind, secret } = option;
  const flag = flags[flagKeyOf(option)];
  if (flag !== undefined && secret) {
    errors.push(`${name}: given as --${flagOf(option)}; allowed: only ${name} or ${name}_FILE`);
    return option.default;
  }
  const text = flag === undefined ? readVariable(name, secret, env, errors) : String(flag);
  if (text === null) return option.default;
  const value = kind.parse(text);
  if (value !== null) return value;
  const source = flag === undefined ? name : `${name} (--${flagOf(option)})`;
  errors.push(`${source}: given ${secret ? '***' : shown(text)}; allowed: ${kind.allowed}`);
  return option.default;
}

function readVariable(name: string, secret: boolean, env: Environment, errors: string[]): string | null {
  const text = env[name] || null;
  const file = secret ? env[`${name}_FILE`] || null : null;
  if (file === null) return text;
  if (text !== null) {
    errors.push(`${name}: given together with ${name}_FILE; allowed: one of them`);
    return null;
  }
  try {
    // Editors and `echo` end a file with a line end that is no part of the secret.
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    errors.push(`${name}_FILE: given ${JSON.stringify(file)}; allowed: a readable file (${why})`);
    return null;
  }
}

/** What may be shown of a bad value: in a URL nothing that could be a password, wherever it stands. */
function shown(text: string): string {
  const start = text.indexOf('//') + 2;
  if (start < 2) return JSON.stringify(text);
  const rest = text.slice(start);
  const at = rest.lastIndexOf('@');
  // Without an @, a user with a password looks like a host with a port; those are numbers.
  const isHost = /^[^:/?]*(:\d*)?([/?]|$)/.test(rest);
  const harmless = at >= 0 ? `***@${rest.slice(at + 1)}` : isHost ? rest : '***';
  return JSON.stringify(text.slice(0, start) + harmless);
}

/** Names of those that were given, also when what was given is bad: one mistake is reported once. */
function givenOf(options: Readonly<Record<string, unknown>>, bad: ReadonlySet<string>): string[] {
  return Object.keys(options).filter((name) => options[name] !== null || bad.has(name));
}

/** Half a configuration is a mistake: naming what is missing beats guessing what was meant. */
function checkStores(read: Values, bad: ReadonlySet<string>, errors: string[]): Profile {
  if (bad.has('PROFILE')) return 'embedded';
  const urls = { REDIS_URL: read.redisUrl, MYSQL_URL: read.mysqlUrl };
  const given = givenOf(urls, bad);
  const missing = Object.keys(urls).filter((name) => !given.includes(name));
  if (read.profile === 'embedded') {
    if (given.length > 0)
      errors.push(`PROFILE: given embedded with ${given.join(' and ')}; allowed: without`);
    return 'embedded';
  }
  if (read.profile === null && given.length === 0) return 'embedded';
  if (missing.length > 0) {
    const asked = read.profile === null ? given.join(' and ') : `PROFILE=${read.profile}`;
    errors.push(`${missing.join(' and ')}: missing, ${asked} needs it`);
  }
  return read.profile ?? 'single';
}

function checkCallers(read: Values, bad: ReadonlySet<string>, errors: string[], warnings: string[]): void {
  const keys = { JWT_SECRET: read.jwtSecret, JWT_PUBLIC_KEY: read.jwtPublicKey, JWKS_URL: read.jwksUrl };
  const given = givenOf(keys, bad);
  if (read.auth === 'jwt') {
    if (given.length !== 1) {
      const found = given.length === 0 ? 'none' : given.join(' and ');
      errors.push(
        `AUTH: given jwt with ${found}; allowed: with exactly one of ${Object.keys(keys).join(', ')}`,
      );
    }
  } else {
    if (given.length > 0) warnings.push(`${given.join(', ')}: not used, because AUTH is gateway`);
    checkGateway(read, bad, errors, warnings);
  }
  for (const [name, value, chars] of [
    ['GATEWAY_KEY', read.gatewayKey, 16],
    ['ADMIN_TOKEN', read.adminToken, 16],
    // RFC 7518, 3.2: a key of the size of the hash or larger.
    ['JWT_SECRET', read.jwtSecret, 32],
  ] as const) {
    if (value !== null && value.length < chars) warnings.push(`${name} is shorter than ${chars} characters`);
  }
}

function checkGateway(read: Values, bad: ReadonlySet<string>, errors: string[], warnings: string[]): void {
  if (read.gatewayKey !== null || bad.has('GATEWAY_KEY') || bad.has('AUTH')) return;
  if (isLoopback(read.host)) {
    warnings.push(
      'GATEWAY_KEY is not set: whoever reaches this machine can be any user by sending X-User-Id',
    );
    if (read.rateLimitAddressPerSecond > 0) {
      warnings.push(
        'RATE_LIMIT_ADDRESS counts the peer of each connection: X-Forwarded-For is believed with GATEWAY_KEY only',
      );
    }
  } else {
    const why = 'without it anybody could be any user';
    errors.push(
      `GATEWAY_KEY: missing while HOST is ${read.host}, ${why}; allowed: set it, or a loopback HOST`,
    );
  }
}
