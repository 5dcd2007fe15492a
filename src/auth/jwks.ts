/**
 * A set of public keys behind a URL. Loaded before the program serves; after that requests never wait for it: a
 * token of a key that is not known yet is refused and makes the set refresh behind it, with back-off, so that made
 * up key ids can't turn this program on its issuer. Refreshed every ten minutes while used: a key taken out of the
 * set stops being accepted. A refresh that fails keeps what was there.
 */
import { publicKeyOf } from '../config-kinds.ts';
import { WRONG_TOKEN } from './caller.ts';
import { type JwtVerifier, jwtVerifier } from './jwt.ts';

export interface Jwks {
  readonly verify: JwtVerifier;
  /** Settles when no refresh is under way; null or why the last one failed. Never rejects. */
  readonly settled: () => Promise<string | null>;
}

export type JwksResult =
  | { readonly ok: true; readonly jwks: Jwks }
  | { readonly ok: false; readonly error: string };

export interface JwksOptions {
  readonly fetch?: typeof fetch;
  readonly nowMs?: () => number;
}

const FETCH_TIMEOUT_MS = 5_000;
const REFRESH_AFTER_MS = 10 * 60 * 1000;
const BACK_OFF_MS_MIN = 5_000;
const BACK_OFF_MS_MAX = 5 * 60 * 1000;
const KEYS_MAX = 100;
const BODY_CHARS_MAX = 256 * 1024;
/** Different header segments remembered; each issuer key makes one or two. */
const HEADERS_MAX = 256;

interface KnownKey {
  readonly kid: string | null;
  readonly pem: string;
  readonly verify: JwtVerifier;
}

export async function loadJwks(url: string, options: JwksOptions = {}): Promise<JwksResult> {
  const get = options.fetch ?? fetch;
  const clock = options.nowMs ?? Date.now;
  let keys: readonly KnownKey[] = [];
  /** Key by the first segment of a token: the same text for all tokens of one key, decoded once. */
  const byHeader = new Map<string, KnownKey>();
  let refreshedAtMs = 0;
  let askAgainAtMs = 0;
  let backOffMs = BACK_OFF_MS_MIN;
  let lastError: string | null = null;
  let running: Promise<void> | null = null;

  async function load(): Promise<void> {
    try {
      const found = await fetchKeys(get, url, stands);
      keys = found.map((key) => keys.find((old) => old.kid === key.kid && old.pem === key.pem) ?? key);
      byHeader.clear();
      refreshedAtMs = clock();
      lastError = null;
    } catch (error) {
      lastError = `JWKS_URL: ${url}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  function refresh(nowMs: number): void {
    if (running !== null || nowMs < askAgainAtMs) return;
    // Quiet for long enough: begin with short waits again.
    backOffMs =
      nowMs - askAgainAtMs > BACK_OFF_MS_MAX ? BACK_OFF_MS_MIN : Math.min(backOffMs * 2, BACK_OFF_MS_MAX);
    askAgainAtMs = nowMs + backOffMs;
    running = load().finally(() => {
      running = null;
    });
  }

  function keyOf(token: string): KnownKey | null {
    const header = token.slice(0, Math.max(0, token.indexOf('.')));
    const known = byHeader.get(header);
    if (known !== undefined) return known;
    const kid = kidOf(header);
    if (kid === undefined) return null;
    // Without a key id there is nothing to choose by, unless there is nothing to choose from.
    const key =
      kid === null ? (keys.length === 1 ? keys[0] : undefined) : keys.find((one) => one.kid === kid);
    if (key === undefined) return null;
    if (byHeader.size < HEADERS_MAX) byHeader.set(header, key);
    return key;
  }

  /** For tokens that were verified and are still used: a key taken out of the set ends them too. */
  function stands(key: KnownKey, nowMs: number): boolean {
    if (nowMs - refreshedAtMs >= REFRESH_AFTER_MS) refresh(nowMs);
    return keys.includes(key);
  }

  function verify(token: string, nowMs: number): ReturnType<JwtVerifier> {
    const key = keyOf(token);
    if (key === null || nowMs - refreshedAtMs >= REFRESH_AFTER_MS) refresh(nowMs);
    return key === null ? WRONG_TOKEN : key.verify(token, nowMs);
  }

  await load();
  if (lastError !== null) return { ok: false, error: lastError };
  const settled = async () => {
    await running;
    return lastError;
  };
  return { ok: true, jwks: { verify, settled } };
}

/** Undefined: no JWT header. Null: a header without key id. */
function kidOf(header: string): string | null | undefined {
  if (header.length === 0 || header.length > 1024) return undefined;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(header, 'base64url').toString());
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    const kid = (parsed as { kid?: unknown }).kid;
    return typeof kid === 'string' ? kid : null;
  } catch {
    return undefined;
  }
}

type Stands = (key: KnownKey, nowMs: number) => boolean;

async function fetchKeys(get: typeof fetch, url: string, stands: Stands): Promise<KnownKey[]> {
  const response = await get(url, {
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    // A redirect could lead to where the URL was not allowed to.
    redirect: 'error',
    headers: { accept: 'application/json' },
  });
  if (!response.ok) throw new Error(`answered ${response.status}`);
  const body = await response.text();
  if (body.length > BODY_CHARS_MAX) throw new Error('the answer is too large');
  const list = (JSON.parse(body) as { keys?: unknown }).keys;
  if (!Array.isArray(list)) throw new Error('the answer is no key set');
  const keys = list.slice(0, KEYS_MAX).flatMap((jwk) => keyOfJwk(jwk, stands));
  if (keys.length === 0) throw new Error('no usable key: RSA of at least 2048 bits, EC P-256 or Ed25519');
  return keys;
}

/** Keys for other uses and of other kinds, symmetric ones above all, are passed over. */
function keyOfJwk(jwk: unknown, stands: Stands): KnownKey[] {
  if (typeof jwk !== 'object' || jwk === null) return [];
  const { kid, kty, use, alg, d } = jwk as Record<string, unknown>;
  if (kty === 'oct' || d !== undefined || (use !== undefined && use !== 'sig')) return [];
  const key = publicKeyOf({ key: jwk as Record<string, string>, format: 'jwk' });
  if (key === null || (alg !== undefined && alg !== key.algorithm)) return [];
  const known: KnownKey = {
    kid: typeof kid === 'string' ? kid : null,
    pem: key.pem,
    verify: jwtVerifier({ algorithm: key.algorithm, key: key.pem }, (nowMs) => stands(known, nowMs)),
  };
  return [known];
}
