/** A private Redis. */
import { Redis } from 'ioredis';
import { DataDir } from '../processes/data-dir.ts';
import { freePorts } from '../processes/ports.ts';
import { findProgram, NativeProcess } from './native-process.ts';
import type { Service } from './service.ts';

export async function startRedis(appendOnly: boolean): Promise<Service> {
  const [port] = (await freePorts(1)) as [number];
  const dataDir = new DataDir();
  const options: Record<string, string> = {
    port: String(port),
    bind: '127.0.0.1',
    dir: dataDir.path,
    save: '',
    appendonly: appendOnly ? 'yes' : 'no',
    appendfsync: 'everysec',
    // A rewrite in the middle of a run would be counted against whoever is measured then.
    'auto-aof-rewrite-percentage': '0',
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const server = new NativeProcess(findProgram(['redis-server', 'valkey-server']), args);
  const stop = async () => {
    await server.kill();
    dataDir.remove();
  };
  const client = new Redis({ host: '127.0.0.1', port, lazyConnect: true });
  client.on('error', () => {});
  try {
    const ours = `process_id:${server.pid}\r`;
    await server.ready(async () => (await client.info('server')).includes(ours));
    return { url: `redis://127.0.0.1:${port}`, pid: server.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    client.disconnect();
  }
}
