/**
 * How far somebody has read what became of coupons, templates and activities. Opaque to everybody outside; its text is
 * made to stand in a URL: `event-block[-catalog][-block.entries…]`. Before there were events of the catalog it was the same
 * without them, which still says that none has been read.
 */

export interface EventPosition {
  /** Events of coupons up to this id have been read. */
  readonly event: number;
  /** Blocks of claims up to this id have been opened; they have been read to their ends, but for those in `open`. */
  readonly block: number;
  /** Events of templates and activities up to this id have been read. */
  readonly catalog: number;
  /** Entries read of blocks that have more, or that may still grow. */
  readonly open: ReadonlyMap<number, number>;
}

export const POSITION_START = '0-0';
/** One open block per log, and logs are few; what is longer was not made here. */
export const POSITION_CHARS_MAX = 60_000;

const POSITION = /^(\d{1,15})-(\d{1,15})(?:-(\d{1,15}))?((?:-\d{1,15}\.\d{1,9})*)$/;

/** Null when it is none. */
export function parsePosition(text: string): EventPosition | null {
  const match = text.length > POSITION_CHARS_MAX ? null : POSITION.exec(text);
  if (match === null) return null;
  const open = new Map<number, number>();
  for (const part of match[4]!.split('-').slice(1)) {
    const [id, entries] = part.split('.').map(Number) as [number, number];
    open.set(id, entries);
  }
  return { event: Number(match[1]), block: Number(match[2]), catalog: Number(match[3] ?? 0), open };
}

export function positionText({ event, block, catalog, open }: EventPosition): string {
  const parts = [...open].sort(([a], [b]) => a - b).map(([id, entries]) => `-${id}.${entries}`);
  return `${event}-${block}${catalog === 0 ? '' : `-${catalog}`}${parts.join('')}`;
}
