import type { Command } from 'commander';
import { type Flags, readProcessConfig } from '../config.ts';
import { secretsHelp, serveFlags } from '../config-options.ts';
import { UsageError } from './failure.ts';

export function addServeCommand(program: Command): void {
  const serve = program
    .command('serve')
    .description('Run the server until SIGTERM. Each option is also a variable; the option wins.')
    .addHelpText('after', `\n${secretsHelp()}`)
    .action(serveUntilStopped);
  for (const { flags, description } of serveFlags()) serve.option(flags, description);
}

async function serveUntilStopped(flags: Flags): Promise<void> {
  const read = readProcessConfig(flags);
  if (!read.ok) throw new UsageError(['the configuration is not valid:', ...read.errors].join('\n  '));
  // Loaded here: the other commands need none of it and start faster without.
  const { serve } = await import('../main.ts');
  // Its threads end with the process, also those that hang in a fault.
  process.exit(await serve(read.config, read.warnings));
}
