/**
 * Imports point one way. Each room of src/ names the rooms it may know; anything else, and any cycle between files,
 * fails the check. Type-only imports count too: knowing a shape is knowing a room.
 */
import fs from 'node:fs';
import path from 'node:path';

const PURE = ['problems', 'limits', 'domain'];
const MAY_KNOW = {
  problems: [],
  limits: [],
  domain: ['problems', 'limits'],
  ports: ['domain'],
  config: ['limits', 'config'],
  logger: [],
  rings: [],
  datadir: ['config'],
  claimlog: [...PURE, 'ports'],
  actors: [...PURE, 'ports', 'claimlog'],
  ledger: ['limits', 'ports', 'claimlog'],
  coupons: [...PURE, 'ports'],
  records: [...PURE, 'ports', 'claimlog', 'coupons'],
  cluster: [...PURE, 'ports', 'claimlog', 'datadir'],
  ingress: [...PURE, 'ports', 'actors', 'auth', 'claims', 'config', 'http', 'live', 'rings', 'workers'],
  workers: [
    ...PURE,
    'ports',
    'actors',
    'claimlog',
    'cluster',
    'ledger',
    'records',
    'rings',
    'audit',
    'ingress',
    'logger',
  ],
  catalog: [...PURE, 'ports', 'actors'],
  claims: [...PURE, 'actors', 'rings'],
  engine: [
    ...PURE,
    'ports',
    'actors',
    'audit',
    'claims',
    'claimlog',
    'cluster',
    'ledger',
    'rings',
    'workers',
    'auth',
    'catalog',
    'config',
    'http',
    'ingress',
    'logger',
  ],
  audit: [...PURE, 'ports', 'claimlog', 'cluster', 'coupons', 'records', 'workers'],
  wallet: [...PURE, 'ports', 'actors', 'claims', 'coupons'],
  events: [...PURE, 'ports'],
  operations: [...PURE, 'ports', 'actors', 'audit', 'catalog', 'claims', 'coupons', 'engine', 'wallet'],
  auth: [...PURE, 'config', 'datadir'],
  http: [
    ...PURE,
    'ports',
    'actors',
    'auth',
    'audit',
    'catalog',
    'claims',
    'coupons',
    'engine',
    'events',
    'live',
    'operations',
    'rings',
    'wallet',
    'config',
  ],
  live: [...PURE, 'actors', 'auth', 'catalog', 'claims', 'http'],
  start: null,
  cli: null,
  main: null,
};

const files = fs
  .readdirSync('src', { recursive: true })
  .map((name) => path.join('src', name))
  .filter((name) => /\.c?ts$/.test(name));

/** config.ts, config-kinds.ts … are one room; so are the ports. */
function roomOf(file) {
  const [, first] = file.split(path.sep);
  return first.replace(/\.c?ts$/, '').replace(/^(config|ports)-.*/, '$1');
}

const imports = new Map();
const errors = [];
for (const file of files) {
  const text = fs.readFileSync(file, 'utf8');
  const targets = [
    ...text.matchAll(/^(?:import|export)[^'"]*?from '(\.[^']+)';|^import '(\.[^']+)';/gms),
  ].map((match) => path.join(path.dirname(file), match[1] ?? match[2]));
  imports.set(file, targets);
  const room = roomOf(file);
  if (!(room in MAY_KNOW)) errors.push(`${file}: room "${room}" is not in the table`);
  const allowed = MAY_KNOW[room];
  for (const target of targets) {
    const other = roomOf(target);
    if (other !== room && allowed != null && !allowed.includes(other))
      errors.push(`${file} may not import ${target}`);
  }
}

const state = new Map();
function visit(file, trail) {
  if (state.get(file) === 'done') return;
  if (state.get(file) === 'open') {
    errors.push(`cycle: ${[...trail.slice(trail.indexOf(file)), file].join(' → ')}`);
    return;
  }
  state.set(file, 'open');
  for (const target of imports.get(file) ?? []) visit(target, [...trail, file]);
  state.set(file, 'done');
}
for (const file of files) visit(file, []);

for (const error of errors) console.error(error);
process.exit(errors.length === 0 ? 0 : 1);
