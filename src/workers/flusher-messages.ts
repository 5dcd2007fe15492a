/** What main and the flusher thread say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { CodeExtent } from '../domain/template.ts';

export interface FlusherData {
  readonly logRoot: string;
  readonly codeKey: Uint8Array;
  readonly extents: readonly CodeExtent[];
  readonly segmentKeepMs: number;
  /** Claims that may wait to be stored before haste is made. */
  readonly waitingMax: number;
  /** One word that owners bump when a synced offset moved. */
  readonly signal: SharedArrayBuffer;
  /** Float64: [0] CPU seconds of this thread. */
  readonly cpu: SharedArrayBuffer;
  /** The record store, on its own thread. */
  readonly store: MessagePort;
}

export type ToFlusher =
  /** Follow a log that an owner writes; `positions` tells how far it is synced. */
  | {
      readonly kind: 'follow';
      readonly logId: number;
      readonly watermark: number;
      readonly positions: SharedArrayBuffer;
    }
  /** The log ends at `end`; it may be new to the flusher (a log of an earlier life). */
  | { readonly kind: 'ended'; readonly logId: number; readonly watermark: number; readonly end: number }
  | { readonly kind: 'extent'; readonly extent: CodeExtent }
  /** Somebody waits for claims to be stored: as fast as it goes for a while. */
  | { readonly kind: 'hurry' }
  /** Flush all that is synced, then stop. */
  | { readonly kind: 'stop' };

export type FromFlusher =
  | { readonly kind: 'ready' }
  /** `counts`: rows stored per template by this batch, as pairs. */
  | {
      readonly kind: 'flushed';
      readonly logId: number;
      readonly watermark: number;
      readonly counts: readonly [number, number][];
    }
  /** The store does not take claims at the moment; it is tried again. */
  | { readonly kind: 'delayed'; readonly detail: string }
  /** Flushing of this log has stopped until an operator looks. */
  | { readonly kind: 'stuck'; readonly logId: number; readonly detail: string }
  | { readonly kind: 'stopped' };
