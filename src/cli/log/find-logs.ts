/** Which logs a directory holds: DATA_DIR, its log directory, or the directory of one log. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileDisk } from '../../claimlog/disk.ts';
import { listLogs, logRoot } from '../../claimlog/segment.ts';
import { CommandFailed } from '../failure.ts';

export interface FoundLogs {
  readonly root: string;
  readonly logIds: readonly number[];
}

export function findLogs(given: string): FoundLogs {
  const directory = path.resolve(given);
  if (!existsSync(directory)) throw new CommandFailed(`there is no directory ${given}`);
  if (!statSync(directory).isDirectory()) throw new CommandFailed(`${given} is no directory`);
  const name = path.basename(directory);
  if (/^\d{10}$/.test(name)) return { root: path.dirname(directory), logIds: [Number(name)] };
  for (const root of [logRoot(directory), directory]) {
    const logIds = listLogs(fileDisk, root);
    if (logIds.length > 0) return { root, logIds };
  }
  // A data directory whose logs have all been flushed and deleted has an empty one.
  if (existsSync(logRoot(directory))) return { root: logRoot(directory), logIds: [] };
  throw new CommandFailed(
    `there are no claim logs in ${given}: give DATA_DIR, its log directory, or that of one log`,
  );
}
