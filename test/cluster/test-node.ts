/**
 * One node of a small cluster: the real coordination above a claim path of a few lines. Its local log is a real one,
 * and stays when the node dies.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileDisk } from '../../src/claimlog/disk.ts';
import { ENTRY_WORDS, entryWords } from '../../src/claimlog/entry.ts';
import { HEADER_WORDS } from '../../src/claimlog/frame.ts';
import { LogWriter } from '../../src/claimlog/log-writer.ts';
import type { ClusterState } from '../../src/cluster/cluster-state.ts';
import { Coordinator } from '../../src/cluster/coordinator.ts';
import { LocalLogs } from '../../src/cluster/local-logs.ts';
import { type ShardSeat, shardOf } from '../../src/ports-ledger.ts';
import { CODE_KEY, unitWords } from './test-catalog.ts';
import type { TestCluster } from './test-cluster.ts';

const SEGMENT_BYTES = 1024 * 1024;

export class TestNode {
  readonly nodeId: string;
  readonly seats = new Map<number, ShardSeat>();
  /** Coupons in memory, as template/serial. */
  readonly memory = new Set<string>();
  readonly fatal: string[] = [];
  readonly said: string[] = [];
  /** What was told as failing, in the order of the telling. */
  readonly troubles: string[] = [];
  state: ClusterState | null = null;
  /** Its process stands still: nothing it sends arrives. */
  isFrozen = false;
  /** Its way to the record store is cut. */
  isStoreAway = false;
  coordinator!: Coordinator;
  private readonly cluster: TestCluster;
  private readonly root = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-cluster-'));
  private readonly positions = new Map<number, number>();
  private readonly ended: { logId: number; end: number }[] = [];
  private log!: LogWriter;
  private starts = 0;
  private sequence = 0;
  private isDead = true;

  constructor(cluster: TestCluster, nodeId: string) {
    this.cluster = cluster;
    this.nodeId = nodeId;
  }

  /** A new process on the same directory. */
  start(): void {
    this.starts++;
    const start = this.starts;
    const isGone = (): boolean => this.isDead || this.starts !== start;
    const isOff = (): boolean => isGone() || this.isFrozen;
    this.isDead = false;
    this.seats.clear();
    this.memory.clear();
    this.positions.clear();
    this.log = new LogWriter(fileDisk, this.root, start, SEGMENT_BYTES);
    const { clock, store, server } = this.cluster;
    const logs = new LocalLogs(fileDisk, this.root, this.ended.splice(0));
    const { log } = this;
    logs.live(start, () => log.end);
    this.coordinator = new Coordinator({
      identity: { nodeId: this.nodeId, startId: `${this.nodeId}.${start}`, host: 'test' },
      clock: {
        nowMs: () => clock.nowMs(),
        random: () => clock.random(),
        // A frozen process wakes up where it was; a dead one never.
        sleep: async (ms) => {
          await clock.sleep(ms);
          while (this.isFrozen || isGone()) await clock.sleep(isGone() ? 1e9 : 10);
        },
      },
      store: store.seenBy(() => isOff() || this.isStoreAway),
      ledger: server.ledger(isOff),
      logs,
      codeKey: CODE_KEY,
      main: {
        suspend: async (shard, reason) => {
          this.said.push(`suspend ${shard}: ${reason}`);
          this.seats.delete(shard);
        },
        takeIn: async (_shard, entries) => this.remember(entries),
        open: (seat, _head, follow) => {
          if (isGone()) return;
          this.said.push(`open ${seat.shard}`);
          this.seats.set(seat.shard, seat);
          if (follow !== null) this.positions.set(seat.shard, follow);
        },
        watermark: () => {},
        state: (state) => {
          this.state = state;
        },
        oldLogsStored: (logIds) => {
          this.said.push(`old logs stored: ${logIds.join()}`);
          for (const logId of logIds)
            fs.rmSync(path.join(this.root, String(logId).padStart(10, '0')), { recursive: true });
        },
        trouble: ({ what }) => this.troubles.push(what),
        fatal: (detail) => this.fatal.push(detail),
      },
    });
    void this.coordinator.start();
  }

  /** SIGKILL. */
  kill(): void {
    this.isDead = true;
    this.ended.push({ logId: this.starts, end: this.log.end });
    this.log.abandon();
  }

  dispose(): void {
    this.isDead = true;
    fs.rmSync(this.root, { recursive: true, force: true });
  }

  isOpen(shard: number): boolean {
    return this.seats.has(shard);
  }

  /** One user's claim. → the serial, or null: unavailable. `logged` false: it dies before it has it in its log. */
  claim(templateId: number, user: number, logged = true): number | null {
    const seat = this.seats.get(shardOf(templateId));
    if (seat === undefined || this.isDead || this.isFrozen || this.cluster.server.isAway) return null;
    const model = this.cluster.server.of(seat.shard);
    const ref = { templateId, activityId: 0 };
    const lease = model.lease(seat, ref, ++this.sequence, [], [], 1);
    if (lease.kind !== 'granted') return this.met(seat, lease);
    const { from } = lease.ranges[0];
    const answer = model.commit({
      seat,
      owner: 0,
      life: 1,
      sequence: ++this.sequence,
      timeLo: this.cluster.clock.nowMs(),
      groups: [
        {
          templateId,
          activityId: 0,
          poolLimit: 1,
          templateLimit: 1,
          claims: Uint32Array.of(user, 0, 0, 0),
          spent: null,
          units: unitWords(templateId, from),
        },
      ],
    });
    if (answer.kind !== 'committed') return this.met(seat, answer);
    // What it leased in vain goes back.
    if (answer.serials[0] !== from) model.giveBack(seat, ref, ++this.sequence, [], lease.ranges);
    if (logged) this.follow(seat);
    return answer.serials[0];
  }

  /** Writes what is new in its streams into its log and memory. */
  followAll(): void {
    for (const seat of this.seats.values()) this.follow(seat);
  }

  async stop(): Promise<boolean> {
    const stopped = this.coordinator.stop(20_000);
    let settled: boolean | null = null;
    void stopped.then((value) => {
      settled = value;
    });
    await this.cluster.clock.until(() => settled !== null, 'the node stops');
    this.kill();
    return settled!;
  }

  private met(seat: ShardSeat, refusal: { kind: string }): null {
    if (refusal.kind === 'lost') this.coordinator.met(seat.shard, (keeper) => keeper.lost(seat.incarnation));
    if (refusal.kind === 'fenced') this.coordinator.met(seat.shard, (keeper) => keeper.fenced(seat.epoch));
    return null;
  }

  private follow(seat: ShardSeat): void {
    if (this.isDead || this.isFrozen || this.cluster.server.isAway) return;
    const { shard, incarnation } = seat;
    const model = this.cluster.server.of(shard);
    if (model.head(incarnation) === null) return;
    const from = this.positions.get(shard) ?? 0;
    const entries = model.read(incarnation, from);
    if (entries.length === 0) return;
    const count = entryWords(entries).length / ENTRY_WORDS;
    const words = new Uint32Array(HEADER_WORDS + count * ENTRY_WORDS);
    words.set(entryWords(entries), HEADER_WORDS);
    this.log.append(words, count);
    this.remember(entries);
    this.positions.set(shard, from + count);
    this.coordinator.keepers[shard].applied(incarnation, from + count);
  }

  private remember(entries: Uint8Array): void {
    const words = entryWords(entries);
    for (let at = 0; at < words.length; at += ENTRY_WORDS) this.memory.add(`${words[at]}/${words[at + 1]}`);
  }
}
