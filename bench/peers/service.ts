/** A database server that peers use, whoever started it. */
export interface Service {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}
