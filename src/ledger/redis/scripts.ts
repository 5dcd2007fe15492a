/** The Lua scripts: files beside this one, each with the preludes it builds on before it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Script {
  readonly source: string;
  readonly sha: string;
}

/**
 * `#!lua` (Redis 7): the server refuses the script before its first line when it may not be able to finish it: on a
 * replica, out of memory, with a disk that fails.
 */
function script(...names: string[]): Script {
  const parts = names.map((name) => readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8'));
  const source = `#!lua\n${parts.join('\n')}`;
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}

export const SCRIPTS = {
  join: script('gate', 'ranges', 'pool', 'seat', 'join'),
  extend: script('gate', 'extend'),
  reclaim: script('gate', 'ranges', 'pool', 'seat', 'reclaim'),
  leave: script('gate', 'ranges', 'pool', 'seat', 'leave'),
  lease: script('gate', 'ranges', 'pool', 'report', 'lease'),
  giveBack: script('gate', 'ranges', 'pool', 'report', 'return'),
  recall: script('gate', 'recall'),
  raise: script('gate', 'ranges', 'pool', 'raise'),
  fund: script('gate', 'ranges', 'pool', 'fund'),
  close: script('gate', 'ranges', 'pool', 'close'),
  seal: script('seal'),
  prepare: script('gate', 'prepare'),
  loadUsers: script('load-users'),
  open: script('gate', 'open'),
  poolStates: script('gate', 'pool-states'),
  commit: script('gate', 'ranges', 'commit'),
  fenceOwner: script('gate', 'fence-owner'),
} as const;
