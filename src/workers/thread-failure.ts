/** Errors on their way from one thread to another. */

export interface ThreadFailure {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

export function errorOf({ name, message, stack }: ThreadFailure): Error {
  return Object.assign(new Error(message), { name, stack });
}

export function failureOf(error: unknown): ThreadFailure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: String(error) };
  const { name, message, stack = `${name}: ${message}` } = error;
  return { name, message, stack };
}
