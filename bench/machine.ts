/** What the figures were measured on. */
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ROOT } from './paths.ts';

function version(packageName: string): string | null {
  try {
    const file = path.join(ROOT, 'node_modules', packageName, 'package.json');
    return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  } catch {
    return null;
  }
}

export function machine(): Record<string, unknown> {
  const major = process.versions.node.split('.')[0];
  const own = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: os.totalmem() / 2 ** 30,
    kernel: `${os.type()} ${os.release()}`,
    node: process.versions.node,
    v8: process.versions.v8,
    doorbuster: own.version,
    uWebSockets: version('uWebSockets.js') ?? version(`@uwsjs/linux-x64-${major}`),
    libsql: version('libsql'),
    measuredAt: new Date().toISOString(),
  };
}
