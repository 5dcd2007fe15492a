import type { Command } from 'commander';
import { readMysqlUrl } from '../config.ts';
import { CommandFailed, messageOf, UsageError } from './failure.ts';
import { say } from './output.ts';

export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description(
      'Bring the schema of the database up to date, as every start does. Safe while nodes are starting.',
    )
    .option('--mysql-url <url>', 'the database (MYSQL_URL)')
    .option('--print', 'only print the SQL, for databases that take their schema by other means')
    .action(migrate);
}

interface Flags {
  readonly mysqlUrl?: string;
  readonly print?: boolean;
}

async function migrate(flags: Flags): Promise<void> {
  if (flags.print) {
    const { schemaText } = await import('../records/mysql/schema.ts');
    say(schemaText());
    return;
  }
  const read = readMysqlUrl({ mysqlUrl: flags.mysqlUrl });
  if (!read.ok) throw new UsageError(['the configuration is not valid:', ...read.errors].join('\n  '));
  if (read.url === null) {
    say(
      'MYSQL_URL is not set: the embedded database is brought up to date by each start, nothing is to be done',
    );
    return;
  }
  const { migrateMysql } = await import('../records/mysql/mysql-store.ts');
  try {
    const { from, to } = await migrateMysql(read.url);
    say(from === to ? `the schema is up to date at ${to}` : `the schema went from ${from} to ${to}`);
  } catch (error) {
    throw new CommandFailed(`cannot bring the schema up to date: ${messageOf(error)}`);
  }
}
