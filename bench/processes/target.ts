/** What a load run needs to know of a server: where it listens and how to read its clocks. */
export interface Target {
  readonly port: number;
  readonly internalPort: number;
}
