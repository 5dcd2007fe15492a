/**
 * What a value of an option may be: how it is read, and the one sentence that both the help and the error quote.
 * `parse` answers null for what is not allowed; it never throws.
 */
import { createPublicKey } from 'node:crypto';
import { resolve } from 'node:path';

export interface Kind<T> {
  readonly allowed: string;
  /** Stands for the value in the help: `--port <number>`. */
  readonly placeholder: string;
  parse(text: string): T | null;
}

export function integer(min: number, max: number): Kind<number> {
  return {
    allowed: `an integer from ${min} to ${max}`,
    placeholder: 'number',
    parse: (text) => {
      if (!/^\d{1,15}$/.test(text)) return null;
      const value = Number(text);
      return value >= min && value <= max ? value : null;
    },
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Read as milliseconds; a bare number means seconds. */
export function duration(maxMs: number, minMs = 0): Kind<number> {
  const bounds = `${minMs === 0 ? '' : `at least ${durationText(minMs)}, `}at most ${durationText(maxMs)}`;
  return {
    allowed: `a duration such as 500ms, 30s, 10m or plain seconds, ${bounds}`,
    placeholder: 'duration',
    parse: (text) => {
      const match = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h)?$/.exec(text);
      if (match === null) return null;
      const valueMs = Math.round(Number(match[1]) * UNIT_MS[match[2] ?? 's']!);
      return valueMs >= minMs && valueMs <= maxMs ? valueMs : null;
    },
  };
}

export function durationText(valueMs: number): string {
  for (const unit of ['h', 'm', 's']) {
    if (valueMs > 0 && valueMs % UNIT_MS[unit]! === 0) return `${valueMs / UNIT_MS[unit]!}${unit}`;
  }
  return `${valueMs}ms`;
}

export function choice<const T extends string>(...values: readonly T[]): Kind<T> {
  return {
    allowed: `one of ${values.join(', ')}`,
    placeholder: values.join('|'),
    parse: (text) => values.find((value) => value === text) ?? null,
  };
}

export const hostName: Kind<string> = {
  allowed: 'a host name or an IP address to listen on',
  placeholder: 'host',
  parse: (text) => {
    const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
    return /^[\w.:%-]{1,255}$/.test(bare) ? bare : null;
  },
};

export const path: Kind<string> = {
  allowed: 'a path',
  placeholder: 'path',
  parse: (text) => (text.includes('\0') ? null : resolve(text)),
};

export const storeUrl = (...protocols: string[]): Kind<string> => ({
  allowed: `a URL beginning with ${protocols.map((p) => `${p}//`).join(' or ')}`,
  placeholder: 'url',
  parse: (text) => (protocols.includes(urlOf(text)?.protocol ?? '') ? text : null),
});

/** One server, or some of a Redis Cluster: whichever is there tells of the others. */
export const redisUrl: Kind<string> = {
  allowed: 'a URL beginning with redis:// or rediss://; hosts of a Redis Cluster are separated by commas',
  placeholder: 'url',
  parse: (text) => {
    const parts = /^(rediss?:\/\/(?:[^@/]*@)?)([^/?]+)(.*)$/.exec(text);
    if (parts === null) return null;
    const [, before, hosts, after] = parts;
    return hosts!.split(',').every((host) => host !== '' && urlOf(`${before}${host}${after}`) !== null)
      ? text
      : null;
  },
};

/** Keys decide who may do what, so they travel encrypted or not at all. */
export const keySetUrl: Kind<string> = {
  allowed: 'an https:// URL, or http:// on this machine',
  placeholder: 'url',
  parse: (text) => {
    const url = urlOf(text);
    if (url?.protocol === 'https:') return url.href;
    return url?.protocol === 'http:' && isLoopback(url.hostname) ? url.href : null;
  },
};

export const origins: Kind<readonly string[]> = {
  allowed: 'origins separated by commas, such as https://shop.example,http://localhost:5173',
  placeholder: 'origins',
  parse: (text) => {
    const list = text.split(',').map((part) => part.trim());
    const valid = list.every((origin) => /^https?:/.test(origin) && urlOf(origin)?.origin === origin);
    return valid ? Object.freeze([...new Set(list)]) : null;
  },
};

/** Tokens and keys that travel in a header. */
export const headerSecret: Kind<string> = {
  allowed: '1 to 1024 visible ASCII characters without spaces',
  placeholder: 'secret',
  parse: (text) => (/^[\x21-\x7e]{1,1024}$/.test(text) ? text : null),
};

/** A PEM here is a key in the wrong place: as an HMAC secret a public key would let anybody sign. */
export const hmacSecret: Kind<string> = {
  allowed: 'the HS256 secret, 1 to 4096 characters; a PEM belongs into JWT_PUBLIC_KEY',
  placeholder: 'secret',
  parse: (text) => (text.length <= 4096 && !/-----BEGIN|"kty"/.test(text) ? text : null),
};

/** 32 bytes, read from hex or base64, kept as lower-case hex. */
export const key32: Kind<string> = {
  allowed: '32 bytes as 64 hexadecimal characters or as base64',
  placeholder: 'key',
  parse: (text) => {
    if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
    if (!/^[\w+/-]{43}=?$/.test(text)) return null;
    const bytes = Buffer.from(text, 'base64');
    return bytes.length === 32 ? bytes.toString('hex') : null;
  },
};

export interface PublicKey {
  readonly algorithm: 'RS256' | 'ES256' | 'EdDSA';
  readonly pem: string;
}

type KeyInput = Parameters<typeof createPublicKey>[0];

/** The one algorithm a public key may verify with: a token never chooses. Null for any other kind of key. */
export function publicKeyOf(input: KeyInput): PublicKey | null {
  try {
    const key = createPublicKey(input);
    const details = key.asymmetricKeyDetails ?? {};
    const pem = key.export({ type: 'spki', format: 'pem' }) as string;
    switch (key.asymmetricKeyType) {
      case 'rsa':
        return (details.modulusLength ?? 0) >= 2048 ? { algorithm: 'RS256', pem } : null;
      case 'ec':
        return details.namedCurve === 'prime256v1' ? { algorithm: 'ES256', pem } : null;
      case 'ed25519':
        return { algorithm: 'EdDSA', pem };
      default:
        return null;
    }
  } catch {
    return null;
  }
}

export const publicKeyPem: Kind<PublicKey> = {
  allowed: 'a public key in PEM: RSA of at least 2048 bits, EC P-256 or Ed25519',
  placeholder: 'pem',
  parse: (text) => {
    // Environment files often carry line ends as \n.
    const pem = text.replaceAll('\\n', '\n').trim();
    // Node would derive the public half; a private key has no business on this machine.
    return pem.includes('PRIVATE KEY') ? null : publicKeyOf(pem);
  },
};

export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare);
}

function urlOf(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}
