/** What the bench asks of the load process and what it gets back. Plain values: they travel between processes. */

/** The users first … first + count - 1, then from the start again: a large count means a fresh user per request. */
export interface UserRange {
  readonly first: number;
  readonly count: number;
}

export interface Ports {
  readonly port: number;
  /** The connections take turns among all ports. */
  readonly otherPorts?: readonly number[];
}

interface HttpJob extends Ports {
  readonly path: string;
  /** JSON: of each of the users, or one for all; no body where there is none. */
  readonly bodies?: readonly string[];
  /** A number in the answers to count successes by: '200 payable 990'. */
  readonly countedBy?: string;
  readonly connections: number;
  readonly seconds: number;
  /** Ends the run early when this many requests have been sent. */
  readonly requestsMax?: number;
  readonly users: UserRange;
  /** The coupon id of every n-th user is kept for verification; 0: none. */
  readonly couponEvery: number;
}

export interface ClosedLoopJob extends HttpJob {
  readonly kind: 'closed-loop';
}

export interface OpenLoopJob extends HttpJob {
  readonly kind: 'open-loop';
  /** Sends what is due every millisecond, rather than polling. */
  readonly isTimed: boolean;
  /** Requests per second, sent on time whether or not earlier ones have been answered. */
  readonly rate: number;
}

export interface LiveBatchesJob {
  readonly kind: 'live-batches';
  readonly port: number;
  readonly otherPorts?: readonly number[];
  readonly templateId: string;
  readonly token: string;
  readonly connections: number;
  readonly framesInFlight: number;
  readonly usersPerFrame: number;
  readonly seconds: number;
  readonly claimsMax?: number;
  readonly users: UserRange;
  readonly couponEvery: number;
}

/** Carts that are quoted, and orders that are locked and used, at rates of their own. */
export interface OrdersJob {
  readonly kind: 'orders';
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  readonly quotes: {
    readonly rate: number;
    readonly users: UserRange;
    readonly bodies: readonly string[];
  };
  readonly redemptions: {
    readonly rate: number;
    /** One for each, at least as many as fit. */
    readonly coupons: readonly KeptCoupon[];
    /** `"items":…,"shippingFee":…` */
    readonly order: string;
    /** Of the service that uses what the user has locked. */
    readonly token: string;
    /** Before what each is called: an order id is used once. */
    readonly orderPrefix: string;
  };
}

/** Where the i-th connection goes. */
export function portOf({ port, otherPorts = [] }: Ports, i: number): number {
  return [port, ...otherPorts][i % (otherPorts.length + 1)]!;
}

export type Job = ClosedLoopJob | OpenLoopJob | LiveBatchesJob | OrdersJob;

export interface KeptCoupon {
  readonly userId: number;
  readonly couponId: string;
}

export interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export interface LoadResult {
  /** Claims answered: requests over HTTP, users over WebSocket. */
  readonly answered: number;
  /**
   * Answers by HTTP status and, for problems, code: '201', '409 sold_out'; over WebSocket by status text; of orders with
   * what was asked before it: 'lock 201'.
   */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** CPU of the whole load process during the run. */
  readonly clientCpuSeconds: number;
  readonly coupons: readonly KeptCoupon[];
  /** Of orders: of lock and use together. */
  readonly latency: Latency | null;
}

export type ToLoad = { readonly kind: 'run'; readonly job: Job } | { readonly kind: 'go' };
export type FromLoad =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly result: LoadResult }
  | { readonly kind: 'failed'; readonly message: string };
