/** `redis://[user:password@]host[:port][,host:port …][/db][?cluster=1]`, `rediss://` for TLS. */
export interface RedisAddress {
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly username: string | null;
  readonly password: string | null;
  readonly db: number;
  readonly tls: boolean;
  /** The URL says that it is a Redis Cluster; if not, the server may still say so. */
  readonly cluster: boolean;
}

const FORM = /^(rediss?):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?]+)(?:\/(\d*))?(?:\?(.*))?$/;
const HOST = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/;

/** Throws when the text is no such URL. The message does not repeat it: it may hold a password. */
export function parseRedisUrl(url: string): RedisAddress {
  const match = FORM.exec(url);
  if (match === null) throw new Error('a Redis URL looks like redis://[user:password@]host[:port]');
  const [, scheme, username, password, hostList, db, query] = match;
  const hosts = hostList.split(',').map((text) => {
    const host = HOST.exec(text);
    if (host === null) throw new Error('a Redis URL names hosts as host[:port], with commas between');
    return { host: host[1].replace(/^\[|\]$/g, ''), port: Number(host[2] ?? 6379) };
  });
  return {
    hosts,
    username: username ? decodeURIComponent(username) : null,
    password: password ? decodeURIComponent(password) : null,
    db: Number(db || 0),
    tls: scheme === 'rediss',
    cluster: hosts.length > 1 || new URLSearchParams(query ?? '').get('cluster') === '1',
  };
}
