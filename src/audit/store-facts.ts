/** What an audit reads of the record store, all of it as it was at one moment. SQLite and MySQL stand behind it. */
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import type { RowFact } from './facts.ts';
import type { LifeFacts } from './life-facts.ts';

export interface StoreFacts extends LifeFacts {
  /** Positions by log id. */
  watermarks(): Promise<Map<number, number>>;
  templates(): Promise<Template[]>;
  activities(): Promise<Activity[]>;
  extents(): Promise<CodeExtent[]>;
  fact(name: string): Promise<string | null>;
  /** The stored claims, packed; of a block cut by hand, its whole entries. */
  blocks(): Promise<Uint8Array[]>;
  /** All rows in the order of their ids, page by page: there may be tens of millions. */
  rows(): AsyncIterable<readonly RowFact[]>;
  close(): Promise<void>;
}
