/** Faults that a control file asks an owner for. */
import { readFaults } from '../claimlog/faulty-disk.ts';

/**
 * A line `owner-N die` in the control file ends this life in the middle of a drain; `owner-N crash` its thread, by an error
 * that nobody catches.
 */
export function obeyFaults(file: string, index: number): void {
  for (const line of readFaults(file)) {
    if (line.trim() === `owner-${index} die`) throw new Error('ended by a fault that was asked for');
    if (line.trim() === `owner-${index} crash`)
      setImmediate(() => {
        throw new Error('an error that nobody catches, as was asked for');
      });
  }
}
