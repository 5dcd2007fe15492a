/** In what the databases differ where events are read. */
import { ENTRY_BYTES } from '../../claimlog/entry.ts';
import type { Cell, Value } from '../redemptions/steps.ts';
import type { IdGaps, IdTable } from './id-gaps.ts';
import type { LeftBlocks } from './left-blocks.ts';

export interface EventSql {
  /** One statement, of the moment it is run in. */
  rows(sql: string, values: readonly Value[]): Promise<Cell[][]>;
  /** Bytes of the entries of block `b`. */
  readonly blockBytes: string;
  /** 1 where block `b` may be grown by what is stored next, else 0. */
  readonly mayGrow: string;
  /** A statement that finds the ids of all those, and perhaps of others, without a look at every block. */
  readonly growing: string;
  /** Null where no id is given out before its row is visible. */
  readonly gaps: { readonly events: IdGaps; readonly blocks: IdGaps; readonly catalog: IdGaps } | null;
  /** Null where no block is left as it is without another one of the same log behind it. */
  readonly left: LeftBlocks | null;
  /** The highest visible id with no lower one to come. */
  endOfIds(table: IdTable): Promise<number>;
}

/** A block is grown up to so many bytes: then it has no room for another entry. */
export function hasRoom(bytes: string, blockBytes: number): string {
  return `${bytes} <= ${blockBytes - ENTRY_BYTES}`;
}
