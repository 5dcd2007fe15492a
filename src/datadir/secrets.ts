/**
 * The two secrets every installation has: the operators' token and the key of the coupon codes. What the
 * configuration gives wins; otherwise they are made at the first start and read from then on. A file that is there
 * but unreadable stops the start: making a new code key would quietly change every code. Call it under the lock of
 * the directory.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { headerSecret, type Kind, key32 } from '../config-kinds.ts';
import { makeDataDir, replaceFile } from './directory.ts';

export interface Secrets {
  readonly adminToken: string;
  /** 32 bytes. */
  readonly codeKey: Buffer;
}

export type SecretsResult =
  | { readonly ok: true; readonly secrets: Secrets /** Paths of files made now. */; readonly made: string[] }
  | { readonly ok: false; readonly errors: string[] };

export interface GivenSecrets {
  readonly dataDir: string;
  readonly adminToken: string | null;
  /** 64 hexadecimal characters. */
  readonly codeKey: string | null;
}

/** Below this a token file is rather cut off than chosen. */
const TOKEN_CHARS_MIN = 16;

export function readSecrets(given: GivenSecrets): SecretsResult {
  const errors: string[] = [];
  const made: string[] = [];
  const stored = (name: string, kind: Kind<string>, charsMin: number, make: () => string): string => {
    const file = join(given.dataDir, name);
    try {
      const text = readIfThere(file);
      if (text === null) {
        makeDataDir(given.dataDir);
        const value = make();
        replaceFile(given.dataDir, name, value);
        made.push(file);
        return value;
      }
      const value = text.length >= charsMin ? kind.parse(text) : null;
      if (value !== null) return value;
      errors.push(`${file} is malformed; allowed: ${kind.allowed}, at least ${charsMin}; restore it`);
    } catch (error) {
      errors.push(`${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
    return '';
  };
  const adminToken =
    given.adminToken ??
    stored('admin-token', headerSecret, TOKEN_CHARS_MIN, () => randomBytes(32).toString('base64url'));
  const codeKey = given.codeKey ?? stored('code-key', key32, 43, () => randomBytes(32).toString('hex'));
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, secrets: { adminToken, codeKey: Buffer.from(codeKey, 'hex') }, made };
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
