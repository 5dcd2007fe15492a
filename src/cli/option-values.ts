/** Values of options as commander parses them: a wrong one is wrong usage and told with what is allowed. */
import { InvalidArgumentError } from 'commander';

/** Both bounds included. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : -1;
    if (value < min || value > max)
      throw new InvalidArgumentError(`Allowed: an integer from ${min} to ${max}.`);
    return value;
  };
}

export function currencyCode(text: string): string {
  if (!/^[A-Z]{3}$/.test(text)) throw new InvalidArgumentError('Allowed: an ISO 4217 code like CNY.');
  return text;
}
