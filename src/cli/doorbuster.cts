#!/usr/bin/env node
/**
 * The package's bin. It is CommonJS and does one thing before anything else is loaded: libuv reads the size of its
 * thread pool once, when the pool is first used, and the loader of ES modules uses it. Each owner keeps one of those
 * threads in fdatasync, so the default of four would make owners wait for each other and the record store for them.
 *
 * For this reason it looks at the environment and the arguments itself, the one exception to config.ts being their
 * only reader. A bad OWNER_THREADS counts as not given here; config.ts refuses it a moment later.
 */
function ownerThreads(): number {
  const os: typeof import('node:os') = require('node:os');
  const args = process.argv.slice(2);
  const at = args.findIndex((arg) => arg === '--owner-threads' || arg.startsWith('--owner-threads='));
  const flag = at < 0 ? undefined : args[at]!.includes('=') ? args[at]!.split('=')[1] : args[at + 1];
  const given = flag ?? process.env.OWNER_THREADS ?? '';
  return /^[1-9]\d?$/.test(given) ? Number(given) : Math.max(1, os.availableParallelism() - 1);
}

/** For the record store, name lookups and whatever else waits for a disk. */
const SPARE_THREADS = 4;

process.env.UV_THREADPOOL_SIZE ||= String(ownerThreads() + SPARE_THREADS);
import('./main.ts');
