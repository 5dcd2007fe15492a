/** How the clients are set up, so that nothing waits for a server that is away and nothing is sent twice. */
import type { ClusterOptions, RedisOptions } from 'ioredis';
import type { RedisAddress } from './redis-url.ts';

const RETRY_MS_MAX = 1_000;
const KEEP_ALIVE_MS = 5_000;

/** Grows to a second; half of it is chance, so that nodes do not come back all at once. */
export function retryDelay(attempt: number): number {
  return Math.min(RETRY_MS_MAX, 50 * 2 ** Math.min(attempt, 5)) * (0.5 + Math.random() / 2);
}

export function nodeOptions(address: RedisAddress, commandTimeoutMs: number) {
  return {
    ...(address.username === null ? {} : { username: address.username }),
    ...(address.password === null ? {} : { password: address.password }),
    ...(address.tls ? { tls: {} } : {}),
    db: address.db,
    commandTimeout: commandTimeoutMs,
    // A server that is frozen holds its sockets open: after this the connection is made anew.
    socketTimeout: commandTimeoutMs * 2,
    connectTimeout: Math.max(2_000, commandTimeoutMs),
    keepAlive: KEEP_ALIVE_MS,
    enableOfflineQueue: false,
    // With 0, what was under way rejects as soon as the connection breaks.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: retryDelay,
    // A master that became a replica: look again what is there.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  } satisfies RedisOptions;
}

export function clusterOptions(address: RedisAddress, commandTimeoutMs: number) {
  const {
    retryStrategy: _retried,
    enableOfflineQueue: _queued,
    db: _db,
    ...redisOptions
  } = nodeOptions(address, commandTimeoutMs);
  return {
    redisOptions,
    enableOfflineQueue: false,
    clusterRetryStrategy: retryDelay,
    slotsRefreshTimeout: commandTimeoutMs,
    // Redirections only: what they answer was not executed. A call cut off is not sent again.
    maxRedirections: 4,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
  } satisfies ClusterOptions;
}
