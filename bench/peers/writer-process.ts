/** The writer as a process of its own: its CPU is counted apart, and it takes none of the server's event loop. */
import http from 'node:http';
import { Redis } from 'ioredis';
import { createConnection } from 'mysql2/promise';
import { writeBatches } from './batch-writer.ts';
import { queueKey } from './claim-script.ts';
import { CREATE_COUPONS } from './coupon-table.ts';

const { REDIS_URL, MYSQL_URL, PEER_PREFIX = 'peer' } = process.env;
if (REDIS_URL === undefined || MYSQL_URL === undefined) throw new Error('REDIS_URL and MYSQL_URL are needed');
const internalPort = Number(process.argv[2]);

const redis = new Redis(REDIS_URL);
const mysql = await createConnection(MYSQL_URL);
await mysql.query(CREATE_COUPONS);

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const server = http.createServer((_request, response) => response.end());
server.listen(internalPort, '127.0.0.1', () => console.log(JSON.stringify({ internalPort })));

await writeBatches(redis, mysql, queueKey(PEER_PREFIX), stop.signal);
server.close();
redis.disconnect();
await mysql.end();
