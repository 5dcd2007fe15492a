/** Who this node is: an id that stays with its data directory, and one for this start of the process. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeDataDir, replaceFile } from '../datadir/directory.ts';

export interface NodeIdentity {
  readonly nodeId: string;
  readonly startId: string;
  readonly host: string;
}

const FILE = 'node-id';
const NODE_ID = /^[0-9a-z]{4,32}$/;
/** Twelve letters and digits: short enough to type, and no two nodes ever choose the same. */
const NODE_ID_BYTES = 8;

/** Call it under the lock of the directory. Throws when the file is there and malformed. */
export function nodeIdentity(dataDir: string): NodeIdentity {
  const startId = randomBytes(9).toString('base64url');
  return { nodeId: storedNodeId(dataDir) ?? makeNodeId(dataDir), startId, host: hostname() };
}

/** Null when the directory has none yet. */
export function storedNodeId(dataDir: string): string | null {
  const file = join(dataDir, FILE);
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  if (!NODE_ID.test(text))
    throw new Error(`${file} is malformed: it must hold 4 to 32 lower-case letters and digits; restore it`);
  return text;
}

function makeNodeId(dataDir: string): string {
  const nodeId = randomBytes(NODE_ID_BYTES).readBigUInt64LE().toString(36).padStart(12, '0').slice(-12);
  makeDataDir(dataDir);
  replaceFile(dataDir, FILE, `${nodeId}\n`);
  return nodeId;
}
