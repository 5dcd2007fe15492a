/**
 * How a command ends other than well. Both are thrown by commands and turned into a message on stderr and an exit
 * code in one place, main.ts; any other exception is a fault of the program and keeps its stack.
 */

/** It was asked rightly and did not work out: exit 1. The message may have several lines. */
export class CommandFailed extends Error {
  override name = 'CommandFailed';
}

/** It was asked wrongly: exit 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** The message of whatever was thrown; of an error without one (several addresses tried in vain), its code. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || String((error as NodeJS.ErrnoException).code ?? error.name);
}
