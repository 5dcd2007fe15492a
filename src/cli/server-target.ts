/** Which server a command talks to, and with which token: flags, then variables, then what an own server left here. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { readClientConfig, readProcessConfig } from '../config.ts';
import { isLoopback } from '../config-kinds.ts';
import { UsageError } from './failure.ts';

export interface ServerTarget {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token: string | null;
}

export interface ServerFlags {
  readonly url?: string;
  readonly token?: string;
}

export function withServerOptions(command: Command): Command {
  return command
    .option('--url <url>', 'the server (DOORBUSTER_URL, default http://127.0.0.1:8080)')
    .option(
      '--token <token>',
      "an operator's token (DOORBUSTER_TOKEN, default for a server on this machine: DATA_DIR/admin-token)",
    );
}

/** Of a command that spreads its work: several URLs with commas between them, the nodes of one installation. */
export function serverTargets(flags: ServerFlags): [ServerTarget, ...ServerTarget[]] {
  const [first, ...rest] = readClientConfig({ ...flags }).url.split(',');
  return [serverTarget({ ...flags, url: first! }), ...rest.map((url) => serverTarget({ ...flags, url }))];
}

export function serverTarget({ url, token }: ServerFlags): ServerTarget {
  const given = readClientConfig({ url: url?.trim(), token });
  const parsed = URL.canParse(given.url) ? new URL(given.url) : null;
  if (parsed === null || !['http:', 'https:'].includes(parsed.protocol))
    throw new UsageError(`--url: given ${JSON.stringify(given.url)}; allowed: http://HOST:PORT or https://…`);
  // The file's token opens the server of this directory: it is not sent to other machines unasked.
  return { url: given.url, token: given.token ?? (isLoopback(parsed.hostname) ? storedToken() : null) };
}

/** What a server that runs (or ran) here made at its first start; null when it can't be read. */
function storedToken(): string | null {
  const read = readProcessConfig({});
  try {
    return readFileSync(join(read.ok ? read.config.dataDir : 'data', 'admin-token'), 'utf8').trim() || null;
  } catch {
    return null;
  }
}
