/**
 * The suites that follow from what a test file imports, so that nobody has to keep a list: `services` for those that need
 * Redis, MariaDB or the built program, `simulation` for the seeded runs, `unit` for all others.
 */
import fs from 'node:fs';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..');
const TEST = path.join(ROOT, 'test');
/** Whoever imports one of these starts servers. */
const STARTERS = [path.join(TEST, 'services'), path.join(TEST, 'support', 'server.ts')];
/** Where the servers are named that are started for all. */
const SHARED = /\bTEST_(?:REDIS|MYSQL)_URL\b/;
const SIMULATION = path.join(TEST, 'simulation');
const IMPORTED = /\b(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g;

export type Suite = 'unit' | 'simulation' | 'services';

function isIn(file: string, place: string): boolean {
  return file === place || file.startsWith(place + path.sep);
}

/** The files that `file` imports, itself included, without those of the program. */
function imported(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file) || !isIn(file, TEST) || !fs.existsSync(file)) return found;
  found.add(file);
  for (const [, name] of fs.readFileSync(file, 'utf8').matchAll(IMPORTED))
    imported(path.resolve(path.dirname(file), name), found);
  return found;
}

export function suiteOf(file: string): Suite {
  for (const one of imported(file)) {
    if (STARTERS.some((place) => isIn(one, place))) return 'services';
    if (SHARED.test(fs.readFileSync(one, 'utf8'))) return 'services';
  }
  return isIn(file, SIMULATION) ? 'simulation' : 'unit';
}

/** Test files by suite, relative to the repository. */
export function suites(): Record<Suite, string[]> {
  const found: Record<Suite, string[]> = { unit: [], simulation: [], services: [] };
  for (const name of fs.readdirSync(TEST, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.test.ts')) continue;
    const file = path.join(TEST, name);
    found[suiteOf(file)].push(path.relative(ROOT, file));
  }
  for (const files of Object.values(found)) files.sort();
  return found;
}
