/** The shared tables of one actor, for readers on other threads. */
export interface ActorShares {
  readonly templateId: number;
  readonly partition: number;
  readonly segments: readonly SharedArrayBuffer[];
  /** Durable claims per pool: one Int32 each. */
  readonly pools: readonly { readonly activityId: number; readonly claimed: SharedArrayBuffer }[];
}
