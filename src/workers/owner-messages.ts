/** What main and an owner thread say to each other beside the rings. A bare number is the doorbell. */
import type { MessagePort } from 'node:worker_threads';
import type { TemplateRules } from '../actors/rules.ts';
import type { ActorShares } from '../actors/shares.ts';
import type { Trouble } from '../cluster/troubles.ts';
import type { Holder, LeaseOutcome, PoolRef, SerialRange } from '../ports.ts';
import type { ShardSeat } from '../ports-ledger.ts';
import type { ThreadFailure } from './thread-failure.ts';

export const DOORBELL = 0;

export interface OwnedTemplate {
  readonly rules: TemplateRules;
  /** Units of the template, now: bounds how many users may come. */
  readonly total: number;
  /** Serials below this have a known place in a code space. */
  readonly placed: number;
  readonly units: readonly SharedArrayBuffer[];
}

/** What an owner of a cluster needs besides. */
export interface OwnerClusterTask {
  readonly redisUrl: string;
  readonly installation: string;
  readonly waitReplicas: number;
  /** Higher than that of any earlier life of this owner on this node. */
  readonly life: number;
  /** Seats as of now; more come by message. */
  readonly seats: readonly ShardSeat[];
  /** StreamPlaces, written by this owner. */
  readonly followed: SharedArrayBuffer;
}

/** One life of an owner. Main is an ingress of its own, whose rings these are; more come by message. */
export interface OwnerTask {
  readonly index: number;
  readonly owners: number;
  readonly port: MessagePort;
  readonly store: MessagePort;
  readonly requests: SharedArrayBuffer;
  readonly replies: SharedArrayBuffer;
  readonly figures: SharedArrayBuffer;
  readonly positions: SharedArrayBuffer;
  readonly flushSignal: SharedArrayBuffer;
  readonly logRoot: string;
  readonly logId: number;
  readonly logSync: 'always' | 'os';
  readonly segmentBytesMax: number;
  readonly faults: string | null;
  readonly templates: readonly OwnedTemplate[];
  /** Logs this owner's templates may have claims in: those of earlier processes and of its own earlier lives. */
  readonly logs: readonly number[];
  /** The log of its last life, still to be sealed. */
  readonly seal: number | null;
  /** True in a process's first life: no unit may be claimed yet, so a unit found claimed was sold twice. */
  readonly first: boolean;
  /** null: no other node serves these templates. */
  readonly cluster: OwnerClusterTask | null;
}

export type ToOwner =
  | typeof DOORBELL
  | { readonly kind: 'template'; readonly template: OwnedTemplate }
  | { readonly kind: 'units'; readonly templateId: number; readonly buffers: readonly SharedArrayBuffer[] }
  | {
      readonly kind: 'lease';
      readonly ref: PoolRef;
      readonly partition: number;
      readonly outcome: LeaseOutcome;
    }
  | { readonly kind: 'recall'; readonly ref: PoolRef; readonly partition: number; readonly all: boolean }
  | { readonly kind: 'replenished'; readonly ref: PoolRef; readonly partition: number }
  /** Answered by `confirmed` once everything sent before has been taken in; first asks for slices of these pools. */
  | { readonly kind: 'confirm'; readonly change: number; readonly lease: readonly PoolRef[] }
  /** workers/cluster-messages.ts tells what these are about. */
  | { readonly kind: 'shardOpen'; readonly seat: ShardSeat; readonly follow: number | null }
  /** Answered by `quiesced`. */
  | { readonly kind: 'shardSuspend'; readonly shard: number }
  /** Answered by `tookIn`. */
  | { readonly kind: 'takeIn'; readonly shard: number; readonly entries: Uint8Array }
  /** Claims come from one more ingress, or from its next life. `port`: its doorbell; null: it is in this thread. */
  | {
      readonly kind: 'ingress';
      readonly ingress: number;
      readonly requests: SharedArrayBuffer;
      readonly replies: SharedArrayBuffer;
      readonly port: MessagePort | null;
    }
  | { readonly kind: 'stop' };

export type FromOwner =
  | typeof DOORBELL
  | { readonly kind: 'sealed'; readonly logId: number; readonly end: number }
  /** The rebuild has taken in so many claims. */
  | { readonly kind: 'progress'; readonly claims: number }
  /** `stored`: how many of the claims came from the record store, per template, as pairs. */
  | {
      readonly kind: 'ready';
      readonly actors: readonly ActorShares[];
      readonly claims: number;
      readonly stored: readonly [number, number][];
      readonly tookMs: number;
    }
  /** An actor is new or got new pools. */
  | { readonly kind: 'actor'; readonly actor: ActorShares }
  | {
      readonly kind: 'segment';
      readonly templateId: number;
      readonly partition: number;
      readonly index: number;
      readonly buffer: SharedArrayBuffer;
    }
  | {
      readonly kind: 'lease';
      readonly ref: PoolRef;
      readonly holder: Holder;
      readonly epoch: number;
      readonly sold: readonly SerialRange[];
    }
  | {
      readonly kind: 'giveBack';
      readonly ref: PoolRef;
      readonly holder: Holder;
      readonly epoch: number;
      readonly sold: readonly SerialRange[];
      readonly unsold: readonly SerialRange[];
    }
  | { readonly kind: 'confirmed'; readonly change: number }
  | { readonly kind: 'shardOpened'; readonly shard: number; readonly epoch: number }
  | {
      readonly kind: 'shardRefused';
      readonly shard: number;
      readonly incarnation: number;
      readonly epoch: number;
      readonly why: 'lost' | 'fenced';
      readonly detail: string;
    }
  | { readonly kind: 'shardCutOff'; readonly shard: number; readonly incarnation: number }
  /** Claims of other nodes are about what this one has not been told yet. */
  | { readonly kind: 'catalogBehind' }
  | { readonly kind: 'quiesced'; readonly shard: number }
  | { readonly kind: 'tookIn'; readonly shard: number }
  /** Something failed and is tried again. */
  | { readonly kind: 'trouble'; readonly trouble: Trouble }
  /** The life is over, as it was asked to be: nothing comes behind this. */
  | { readonly kind: 'stopped'; readonly logId: number; readonly end: number }
  /** The life has failed: nothing comes behind this. */
  | { readonly kind: 'failed'; readonly failure: ThreadFailure };
