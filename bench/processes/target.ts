/** What a load run needs to know of a server: where it listens and how to read its clocks. */
export interface Target {
  readonly port: number;
  readonly internalPort: number;
  /** Further nodes of the same installation that take a share of the load. */
  readonly otherNodes?: readonly Target[];
  /**
   * Process ids by what the processes are for, of all whose CPU time is counted until everything is stored. One that
   * is called `redis` also works on the claim path.
   */
  readonly pids?: Readonly<Record<string, number>>;
}
