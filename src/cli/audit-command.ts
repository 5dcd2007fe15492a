import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Report } from '../audit/report.ts';
import { readProcessConfig } from '../config.ts';
import { key32 } from '../config-kinds.ts';
import { callApi } from './api-client.ts';
import { CommandFailed, messageOf, UsageError } from './failure.ts';
import { count, say, sayJson, table } from './output.ts';
import { type ServerFlags, serverTarget, withServerOptions } from './server-target.ts';

interface Flags extends ServerFlags {
  readonly offline?: boolean;
  readonly dataDir?: string;
  readonly json?: boolean;
}

export function addAuditCommand(program: Command): void {
  withServerOptions(
    program
      .command('audit')
      .description(
        'Check every claim against ledger, log, record store and codes, and every coupon against its events; exit 1 when anything is wrong.',
      )
      .option('--offline', 'read DATA_DIR of a stopped server instead of asking a running one')
      .option('--data-dir <path>', 'with --offline: the directory (DATA_DIR, default ./data)')
      .option('--json', 'print the report as JSON'),
  ).action(audit);
}

async function audit(flags: Flags): Promise<void> {
  if (flags.dataDir !== undefined && !flags.offline) throw new UsageError('--data-dir goes with --offline');
  if (flags.offline && (flags.url ?? flags.token) !== undefined)
    throw new UsageError('--offline reads a directory: --url and --token do not go with it');
  const report = flags.offline
    ? await auditDirectory(flags.dataDir)
    : ((await callApi(serverTarget(flags), 'GET', '/v1/audit')) as Report);
  if (flags.json) sayJson(report);
  else sayReport(report);
  if (!report.ok) throw new CommandFailed('the audit found problems');
}

async function auditDirectory(dataDirFlag: string | undefined): Promise<Report> {
  const read = readProcessConfig({ dataDir: dataDirFlag });
  if (!read.ok) throw new UsageError(['the configuration is not valid:', ...read.errors].join('\n  '));
  const { dataDir, codeKey, mysqlUrl } = read.config;
  // Taking the lock makes the directory: a mistyped one must not come into being.
  const proof = mysqlUrl === null ? 'records.db' : 'log';
  if (!existsSync(join(dataDir, proof)))
    throw new CommandFailed(`${dataDir} is no data directory: there is no ${proof} in it`);
  const key = Buffer.from(codeKey ?? storedCodeKey(dataDir), 'hex');
  const [{ lockDataDir }, { offlineAudit }] = await Promise.all([
    import('../datadir/lock.ts'),
    import('../audit/offline-audit.ts'),
  ]);
  const lock = lockDataDir(dataDir);
  if (!lock.ok) throw new CommandFailed(`${lock.error}; or ask the running server, without --offline`);
  try {
    return await offlineAudit(dataDir, key, mysqlUrl);
  } catch (error) {
    throw new CommandFailed(`cannot audit ${dataDir}: ${messageOf(error)}`);
  } finally {
    lock.release();
  }
}

/** Only reads: a server's start makes a key that is missing, an audit must not. */
function storedCodeKey(dataDir: string): string {
  const file = join(dataDir, 'code-key');
  try {
    const key = key32.parse(readFileSync(file, 'utf8').trim());
    if (key !== null) return key;
  } catch (error) {
    throw new CommandFailed(`cannot read the code key: ${messageOf(error)}; give CODE_KEY or CODE_KEY_FILE`);
  }
  throw new CommandFailed(`${file} is malformed; allowed: ${key32.allowed}`);
}

function sayReport({ ok, checks }: Report): void {
  const rows = checks.map((check) => [
    check.ok ? 'ok' : 'PROBLEM',
    check.name,
    `${count(check.checked)} checked`,
    check.ok ? '' : `${count(check.problemCount)} found`,
  ]);
  table(rows, [2, 3]).forEach((line, i) => {
    say(line);
    const { problems, problemCount } = checks[i]!;
    for (const problem of problems) say(`    ${problem}`);
    if (problemCount > problems.length) say(`    … and ${count(problemCount - problems.length)} more`);
  });
  say(ok ? 'all is well' : 'not all is well');
}
