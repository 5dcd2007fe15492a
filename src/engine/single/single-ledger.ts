/**
 * The shared ledger of the profile `single`: one node uses it, so what the node knows is always the truth and the
 * ledger is written anew from it, under a new incarnation, at the start and whenever Redis has lost something. Slices
 * in hand are sold meanwhile.
 */
import type { Logger } from '../../logger.ts';
import {
  type HeldCoupon,
  type PoolPlan,
  SHARDS,
  type ShardLedger,
  type ShardSeat,
  StaleIncarnation,
} from '../../ports-ledger.ts';
import type { ShardSeats } from '../shard-seats.ts';

const EXTEND_MS = 3_000;
/** Nobody else could take the seats; the time only bounds what a leftover node would keep. */
const SEAT_MS = 3_600_000;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 2_000;

export interface SingleLedgerOptions {
  readonly ledger: ShardLedger;
  readonly seats: ShardSeats;
  readonly nodeId: string;
  readonly startId: string;
  readonly plans: (shard: number) => PoolPlan[];
  /** The shard can be used (again). */
  readonly onSeat: (shard: number) => void;
  readonly logger: Logger;
}

export class SingleLedger {
  private readonly options: SingleLedgerOptions;
  private readonly writing = new Set<number>();
  private incarnation = 0;
  private stopped = false;
  private readonly ticker: NodeJS.Timeout;
  private down = false;
  private extending = false;

  constructor(options: SingleLedgerOptions) {
    this.options = options;
    this.ticker = setInterval(() => void this.extendAll(), EXTEND_MS);
  }

  /** Writes every shard; those that cannot be written now are tried until they can. */
  async start(): Promise<void> {
    await Promise.all(Array.from({ length: SHARDS }, (_, shard) => this.write(shard)));
  }

  /** Something under this seat was refused: what the ledger holds is not what this node told it. */
  lost(seat: ShardSeat, detail: string): void {
    if (!this.options.seats.isCurrent(seat)) return;
    this.options.seats.close(seat.shard);
    this.options.logger.warn({ shard: seat.shard, detail }, 'the ledger has lost data; it is written anew');
    void this.write(seat.shard);
    // What lost one shard has mostly lost all: an operator's next change should not be the one to find out.
    void this.extendAll();
  }

  get closedShards(): number[] {
    return [...this.writing];
  }

  stop(): void {
    this.stopped = true;
    clearInterval(this.ticker);
  }

  /** Resolves after the first try; a failed one goes on behind. */
  private async write(shard: number, retryMs = RETRY_MS_MIN): Promise<void> {
    const { ledger, seats, nodeId, startId, plans, onSeat, logger } = this.options;
    if (this.stopped) return;
    this.writing.add(shard);
    this.incarnation = Math.max(this.incarnation + 1, Date.now());
    const { incarnation } = this;
    try {
      await ledger.open(shard, incarnation, plans(shard), nobody());
      const stamp = { shard, incarnation, version: 0 };
      const joined = await ledger.join(stamp, nodeId, `${startId}-${incarnation}`, SEAT_MS);
      if (joined.kind === 'lost') throw new Error(`lost again: ${joined.detail}`);
      this.writing.delete(shard);
      if (this.down) logger.info('the ledger is back');
      this.down = false;
      seats.open({ ...stamp, version: joined.version, nodeId, epoch: joined.epoch });
      onSeat(shard);
    } catch (error) {
      // A clock that went back: the next number is behind the last one all the same.
      if (error instanceof StaleIncarnation) this.incarnation = Math.max(this.incarnation, error.highest);
      if (!this.down)
        logger.error({ err: error }, 'the ledger cannot be written; units in hand are sold meanwhile');
      this.down = true;
      const pauseMs = retryMs * (0.5 + Math.random() / 2);
      setTimeout(() => void this.write(shard, Math.min(retryMs * 2, RETRY_MS_MAX)), pauseMs).unref();
    }
  }

  /** Finds out about lost data also where nothing is asked for. */
  private async extendAll(): Promise<void> {
    if (this.extending) return;
    this.extending = true;
    const { ledger, seats } = this.options;
    await Promise.all(
      seats.all().map(async (seat) => {
        try {
          const outcome = await ledger.extend(seat, SEAT_MS);
          if (outcome.kind === 'done') seats.saw(seat, outcome.version);
          else this.lost(seat, outcome.kind === 'lost' ? outcome.detail : 'another holder has its seat');
        } catch {
          // Not reachable; whatever is asked next will tell.
        }
      }),
    );
    this.extending = false;
  }
}

async function* nobody(): AsyncGenerator<readonly HeldCoupon[]> {}
