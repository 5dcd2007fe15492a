/** What the two servers of the classic design share: their settings, and how they tell CPU time to the bench. */
import http from 'node:http';
import { mainThreadCpuSeconds } from '../processes/process-cpu.ts';
import { RedisClaims } from './redis-claims.ts';

export interface PeerEntry {
  readonly port: number;
  readonly claims: RedisClaims;
  /** Call it when the server listens. */
  ready(): void;
}

/** Decimal, below 2^63 or close to it; also what keeps the writer's SQL free of surprises. */
const USER_ID = /^[1-9]\d{0,18}$/;

export function isUserId(text: string): boolean {
  return USER_ID.test(text);
}

export async function peerEntry(): Promise<PeerEntry> {
  const { REDIS_URL, PEER_PREFIX = 'peer', AUTO_PIPELINING } = process.env;
  if (REDIS_URL === undefined) throw new Error('REDIS_URL is needed');
  const port = Number(process.argv[2]);
  const internalPort = Number(process.argv[3]);
  const claims = new RedisClaims({
    url: REDIS_URL,
    prefix: PEER_PREFIX,
    autoPipelining: AUTO_PIPELINING === '1',
  });
  await claims.ready();
  const ready = () => {
    http
      .createServer((_request, response) => response.end(metrics()))
      .listen(internalPort, '127.0.0.1', () => {
        console.log(JSON.stringify({ port, internalPort }));
      });
  };
  return { port, claims, ready };
}

/** In the words of the real server's metrics; what works for the claim path beside it is Redis, which the bench knows. */
function metrics(): string {
  return `doorbuster_thread_cpu_seconds_total{thread="ingress"} ${mainThreadCpuSeconds(process.pid)}\n`;
}
