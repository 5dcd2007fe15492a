/**
 * What an import of rules is told beside the file: what all rows share, as far as a row has no cell of its own. The
 * bounds of these are a template's and checked as such (import-rules.ts).
 */
import { z } from 'zod';
import { decimal, flag } from './fields.ts';

const NUMBER_MAX = 999_999_999;
const number = decimal(0, NUMBER_MAX);

export const importQuery = z.strictObject({
  currency: z.string().optional(),
  stock: number.default(0),
  perUserLimit: number.default(1),
  productLine: number.default(1),
  daysAfterClaim: number.default(365),
  /** Before each id (or name): rules of two shops may have the same ids. */
  namePrefix: z.string().default(''),
  /** Columns of the file that say nothing here, separated by commas. */
  ignore: z
    .string()
    .default('')
    .transform((text) => text.split(',').filter((title) => title.trim() !== '')),
  /** Which line of the whole file the one after the first row is, where a file is sent in parts. */
  firstLine: decimal(2, NUMBER_MAX).default(2),
  dryRun: flag.default(false),
  /** Puts on sale what is made, and what is there and still a draft. */
  publish: flag.default(false),
});

export type ImportOptions = z.output<typeof importQuery>;
