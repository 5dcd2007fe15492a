/**
 * How far an owner has the shards' streams, for the main thread to see. Written by the owner's present life alone, and
 * under the incarnation that the positions are about, so that those of a replaced stream say nothing of the next one.
 */
import { SHARDS } from '../ports-ledger.ts';
import { NumbersReader, NumbersWriter, numbersBytes } from '../rings/shared-numbers.ts';

const NUMBERS = 3;
export const STREAM_PLACES_BYTES = SHARDS * numbersBytes(NUMBERS);

export interface StreamPlace {
  /** 0: no stream is followed yet. */
  readonly incarnation: number;
  /** Claims of the stream before this are in memory, durable here and published. */
  readonly followed: number;
  /** The longest the stream is known to be: raised before any of it goes into the owner's log. */
  readonly known: number;
}

export class StreamPlacesWriter {
  private readonly places: readonly NumbersWriter[];

  /** What an earlier life had is gone with it. */
  constructor(buffer: SharedArrayBuffer) {
    this.places = Array.from({ length: SHARDS }, (_, shard) => new NumbersWriter(buffer, NUMBERS, shard));
    for (let shard = 0; shard < SHARDS; shard++) this.set(shard, 0, 0, 0);
  }

  /** Memory has what stands before `position` in the stream of this incarnation. */
  begin(shard: number, incarnation: number, position: number): void {
    const [now, , known] = this.places[shard].values;
    this.set(shard, incarnation, position, now === incarnation ? known : position);
  }

  followed(shard: number, position: number): void {
    const place = this.places[shard];
    place.values[1] = position;
    place.publish();
  }

  knows(shard: number, head: number): void {
    const place = this.places[shard];
    if (head <= place.values[2]) return;
    place.values[2] = head;
    place.publish();
  }

  private set(shard: number, ...values: readonly [number, number, number]): void {
    this.places[shard].values.set(values);
    this.places[shard].publish();
  }
}

export class StreamPlaces {
  readonly buffer = new SharedArrayBuffer(STREAM_PLACES_BYTES);
  private readonly places = Array.from(
    { length: SHARDS },
    (_, shard) => new NumbersReader(this.buffer, NUMBERS, shard),
  );

  of(shard: number): StreamPlace {
    const [incarnation, followed, known] = this.places[shard].read();
    return { incarnation, followed, known };
  }
}
