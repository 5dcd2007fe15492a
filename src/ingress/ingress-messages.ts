/** What main and an ingress in another thread say to each other beside the rings. */
import type { MessagePort } from 'node:worker_threads';
import type { TemplateRules } from '../actors/rules.ts';
import type { ActorShares } from '../actors/shares.ts';
import type { RateShare } from '../auth/rate-limit.ts';
import type { Config } from '../config.ts';
import type { Activity, CodeExtent, Template } from '../domain/template.ts';
import type { RouteHead } from '../http/route.ts';

/** What of the configuration an ingress goes by. */
export type IngressConfig = Pick<
  Config,
  | 'auth'
  | 'gatewayKey'
  | 'jwtSecret'
  | 'jwtPublicKey'
  | 'jwksUrl'
  | 'corsOrigins'
  | 'rateLimitUserPerSecond'
  | 'rateLimitAddressPerSecond'
>;

export interface IngressData {
  readonly owners: number;
  /** A thread of before has served: this one may take its time to. */
  readonly isRestart: boolean;
  readonly config: IngressConfig;
  readonly adminToken: string;
  /** Of everything that is not a claim, and answered by main. */
  readonly routes: readonly RouteHead[];
  /** One word, not zero while too much waits to be stored. */
  readonly lagging: SharedArrayBuffer;
  /** INGRESS_FIGURES numbers. */
  readonly figures: SharedArrayBuffer;
  /** Counts of claims that several ingresses keep together; null: there is no other one, or no limit. */
  readonly userRates: RateShare | null;
  readonly addressRates: RateShare | null;
  /** Main answers here what is relayed. */
  readonly relay: MessagePort;
  readonly store: MessagePort;
}

/** A template as an ingress knows it. */
export interface TemplateReplica {
  readonly template: Template;
  readonly activities: readonly Activity[];
  readonly rules: TemplateRules;
  readonly extents: readonly CodeExtent[];
  readonly units: readonly SharedArrayBuffer[];
  /** PoolView.marks, by activity. */
  readonly marks: readonly (readonly [number, SharedArrayBuffer])[];
}

export type ToIngress =
  | { readonly kind: 'template'; readonly replica: TemplateReplica }
  | { readonly kind: 'actor'; readonly shares: ActorShares }
  | {
      readonly kind: 'segment';
      readonly templateId: number;
      readonly partition: number;
      readonly index: number;
      readonly buffer: SharedArrayBuffer;
    }
  /** Claims of this owner are answered from now on. `port`: its doorbell; null: it is in this thread. */
  | {
      readonly kind: 'ownerUp';
      readonly owner: number;
      readonly requests: SharedArrayBuffer;
      readonly replies: SharedArrayBuffer;
      readonly port: MessagePort | null;
    }
  | { readonly kind: 'ownerDown'; readonly owner: number }
  /** Answered by `confirmed` once everything sent before has been taken in. */
  | { readonly kind: 'confirm'; readonly change: number }
  /** Answered by `told` once the figures are those of now. */
  | { readonly kind: 'tellFigures'; readonly question: number }
  /** No new claims; what is under way is answered. */
  | { readonly kind: 'drain' }
  /** Tells every client of the live socket to go elsewhere. */
  | { readonly kind: 'closeLive' };

export type FromIngress =
  | { readonly kind: 'confirmed'; readonly change: number }
  | { readonly kind: 'told'; readonly question: number }
  /** How long some claims took, from their parsing to their answer. */
  | { readonly kind: 'took'; readonly seconds: readonly number[] }
  | { readonly kind: 'warning'; readonly message: string }
  /** Something failed that should not. `error`: with its stack, or ''. */
  | { readonly kind: 'fault'; readonly message: string; readonly fields: object; readonly error: string };
