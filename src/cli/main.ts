/** The command line: every command, and the one place where failures become messages on stderr and exit codes. */
import { Command, CommanderError } from 'commander';
import { addAuditCommand } from './audit-command.ts';
import { addEventsCommand } from './events-command.ts';
import { CommandFailed, UsageError } from './failure.ts';
import { addLogCommand } from './log-command.ts';
import { addMigrateCommand } from './migrate-command.ts';
import { addNodeCommand } from './node-command.ts';
import { addReplayCommand } from './replay-command.ts';
import { addServeCommand } from './serve-command.ts';
import { addTemplateCommand } from './template-command.ts';
import { packageVersion } from './version.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

function commandLine(): Command {
  const program = new Command('doorbuster')
    .description('Coupon engine for flash sales: claims are on disk before they are acknowledged.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this, or the help of a command')
    .helpCommand('help [command]', 'print the help of a command')
    .showHelpAfterError('(--help tells what is possible)')
    .exitOverride();
  addServeCommand(program);
  addMigrateCommand(program);
  addNodeCommand(program);
  addTemplateCommand(program);
  addReplayCommand(program);
  addEventsCommand(program);
  addAuditCommand(program);
  addLogCommand(program);
  program.addHelpText(
    'after',
    '\nExit codes: 0 done, 1 it did not work out (the reason is on stderr), 2 wrong usage or configuration.',
  );
  return program;
}

async function run(args: readonly string[]): Promise<number> {
  try {
    await commandLine().parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has told its own already; the help that was asked for ends with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    if (error instanceof UsageError || error instanceof CommandFailed) {
      process.stderr.write(`error: ${error.message}\n`);
      return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
    }
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return EXIT_FAILED;
  }
}

// `doorbuster … | head`: a reader that has seen enough is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.exitCode = await run(process.argv.slice(2));
