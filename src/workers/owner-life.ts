/**
 * One life of an owner: seal the last life's log, rebuild from records and logs, then serve the rings, one for each
 * ingress.
 *
 * The drain loop never waits: it decides what is in the rings, writes it as one frame, and goes back to the event loop,
 * where the finished sync of an earlier batch lets answers go. It sleeps when the rings are empty.
 *
 * Anything that cannot be promised any more (a failed write or sync, a fenced lease, a broken invariant) ends this
 * life, not its thread: the promise rejects, and main has the next life started in the same thread.
 */
import type { MessagePort } from 'node:worker_threads';
import { ClusterOwner } from '../actors/cluster-owner.ts';
import { Owner, type OwnerPorts } from '../actors/owner.ts';
import { ownerOf } from '../actors/placement.ts';
import type { ActorShares } from '../actors/shares.ts';
import { partitionAt, spentAt } from '../actors/spent.ts';
import { TemplateActor } from '../actors/template-actor.ts';
import { UnitTable } from '../actors/unit-table.ts';
import { UserTable } from '../actors/user-table.ts';
import { fileDisk } from '../claimlog/disk.ts';
import { faultyDisk } from '../claimlog/faulty-disk.ts';
import { sealLog } from '../claimlog/log-seal.ts';
import { LogWriter } from '../claimlog/log-writer.ts';
import { logStart } from '../claimlog/segment.ts';
import { DRAIN_MAX, SLICE_IDLE_MS } from '../limits.ts';
import type { RecordStore } from '../ports.ts';
import { OWNER_FIGURES, OwnerFigure } from '../rings/layout.ts';
import type { LocalLine } from '../rings/local-line.ts';
import { NumbersWriter } from '../rings/shared-numbers.ts';
import { Doors } from './doors.ts';
import { rebuild } from './life-rebuild.ts';
import { LogSync } from './log-sync.ts';
import { obeyFaults } from './owner-faults.ts';
import {
  DOORBELL,
  type FromOwner,
  type OwnedTemplate,
  type OwnerTask,
  type ToOwner,
} from './owner-messages.ts';
import { OwnerShards } from './owner-shards.ts';
import { realClock } from './real-clock.ts';
import { RECORDS_CALLS } from './records-calls.ts';
import { remote } from './rpc.ts';
import { StreamPlacesWriter } from './stream-places.ts';
import { threadCpuSeconds } from './thread-cpu.ts';
import { failureOf } from './thread-failure.ts';

const MAIN_INGRESS = 0;
const TICK_MS = 10;
const FIGURES_MS = 250;
const REDIS_PATIENCE_MS = 1_000;
/** At a stop, for commits whose outcome is not known. */
const FLIGHT_PATIENCE_MS = 3_000;

/** Only where they are used: loading a client of Redis costs an owner more than all the rest of its start. */
async function loadRedisLedgers() {
  return {
    ...(await import('../ledger/redis/redis-commit-ledger.ts')),
    ...(await import('../ledger/redis/redis-shard-ledger.ts')),
  };
}

/**
 * `line`: to the ingress of this thread, where there is one. Resolves when the life was stopped, rejects when it failed;
 * main is told by the task's port, as the last of what the life says.
 */
export async function runLife(task: OwnerTask, line: LocalLine | null = null): Promise<void> {
  try {
    await live(task, line);
  } catch (error) {
    // Of one that has served already main knows, and the port is closed.
    task.port.postMessage({ kind: 'failed', failure: failureOf(error) } satisfies FromOwner);
    task.port.close();
    throw error;
  }
}

async function live(task: OwnerTask, line: LocalLine | null): Promise<void> {
  const startedMs = performance.now();
  const redisLedgers = task.cluster === null ? null : await loadRedisLedgers();
  const disk = task.faults === null ? fileDisk : faultyDisk(fileDisk, task.faults);
  const post = (message: FromOwner, transfer: readonly MessagePort[] = []): void =>
    task.port.postMessage(message, transfer as MessagePort[]);
  const doors = new Doors();
  doors.open({
    ingress: MAIN_INGRESS,
    requests: task.requests,
    replies: task.replies,
    ring: () => task.port.postMessage(DOORBELL),
    close: () => task.port.close(),
  });
  const shownFigures = new NumbersWriter(task.figures, OWNER_FIGURES);
  const figures = shownFigures.values;
  const positions = new Int32Array(task.positions);
  const flushSignal = new Int32Array(task.flushSignal);
  const syncsAlways = task.logSync === 'always';
  const unitTables = new Map<number, UnitTable>();
  /** Until then readers have the tables of the last life, which must not become those of a half of this one. */
  let isReady = false;
  const store = remote<RecordStore>(task.store, RECORDS_CALLS);

  // ------------------------------------------------------------ what was
  if (task.seal !== null) {
    const watermark = (await store.watermarks()).find(({ logId }) => logId === task.seal)?.offset ?? 0;
    const start = task.cluster === null ? 0 : logStart(disk, task.logRoot, task.seal);
    post({
      kind: 'sealed',
      logId: task.seal,
      end: sealLog(disk, task.logRoot, task.seal, Math.max(watermark, start)),
    });
  }
  const log = new LogWriter(disk, task.logRoot, task.logId, task.segmentBytesMax);

  const syncs: LogSync = new LogSync({
    log,
    always: syncsAlways,
    positions,
    flushSignal,
    figures,
    step: (body) => step(body),
    onSynced: () => {
      if (syncsAlways) owner.release();
      if (stopping) setImmediate(() => step(tryStop));
    },
    onQuiesced: (shard) => post({ kind: 'quiesced', shard }),
  });
  const ports: OwnerPorts = {
    append(words, count) {
      if (count > 0) {
        log.append(words, count);
        figures[OwnerFigure.batches]++;
        figures[OwnerFigure.claims] += count;
        figures[OwnerFigure.logBytes] = log.end;
      }
      return log.end;
    },
    durable: () => (syncsAlways ? log.synced : log.end),
    appended: () => syncs.want(),
    reply: (slotWord, verdict, serial) => doors.reply(slotWord, verdict, serial),
    askLease: (ref, holder, epoch, sold) => post({ kind: 'lease', ref, holder, epoch, sold }),
    giveBack: (ref, holder, epoch, sold, unsold) =>
      post({ kind: 'giveBack', ref, holder, epoch, sold, unsold }),
  };
  const places = task.cluster === null ? null : new StreamPlacesWriter(task.cluster.followed);
  const clusterOwner =
    task.cluster === null
      ? null
      : new ClusterOwner(task.index, {
          ...ports,
          commit: (shard, flight) => void shards!.commit(shard, flight),
          followed: (shard, position) => places!.followed(shard, position),
          refused: (shard, kind, detail) => shards!.refusedShard(shard, kind, detail),
          quiesced: (shard) => syncs.quiesced(shard),
        });
  const owner = clusterOwner ?? new Owner(task.index, ports);
  let shards: OwnerShards | null = null;
  let disconnect = (): void => {};

  function unitsOf(template: OwnedTemplate): UnitTable {
    const { templateId } = template.rules;
    let units = unitTables.get(templateId);
    if (units === undefined) {
      units = new UnitTable(template.units);
      unitTables.set(templateId, units);
    }
    return units;
  }

  /** Makes or updates the actors of a template that are placed here; returns their shares. */
  function takeTemplate(template: OwnedTemplate): ActorShares[] {
    const { rules } = template;
    clusterOwner?.learn(rules.templateId, template.placed);
    const made: ActorShares[] = [];
    for (let partition = 0; partition < rules.partitions; partition++) {
      if (ownerOf(rules.templateId, partition, task.owners) !== task.index) continue;
      const known = owner.actor(rules.templateId, partition);
      if (known !== undefined) {
        known.setRules(rules);
        made.push(sharesOf(known));
        continue;
      }
      const users = UserTable.create(Math.ceil(template.total / rules.partitions));
      users.onSegment = (index, buffer) => {
        if (isReady) post({ kind: 'segment', templateId: rules.templateId, partition, index, buffer });
      };
      const actor = new TemplateActor(rules, partition, users, unitsOf(template));
      owner.add(actor);
      made.push(sharesOf(actor));
    }
    return made;
  }

  for (const template of task.templates) takeTemplate(template);
  const onProgress = (claims: number): void => post({ kind: 'progress', claims });
  const { claims, stored, watermarks } = await rebuild(task, owner, store, disk, onProgress)
    .catch((error: unknown) => {
      log.abandon();
      throw error;
    })
    .finally(() => store.disconnect());
  const ready = (): void => {
    isReady = true;
    post({
      kind: 'ready',
      actors: Array.from(owner.allActors(), sharesOf),
      claims,
      stored,
      tookMs: performance.now() - startedMs,
    });
  };

  // ------------------------------------------------------------ serving
  let finish: () => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const life = new Promise<void>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  // Whoever waits for it may not have come so far: that it failed is told in any case.
  life.catch(() => {});
  let abandonTimer: NodeJS.Timeout | null = null;
  let stopping = false;
  let stepping = false;
  let over = false;
  let ticker: NodeJS.Timeout | null = null;

  /** Parked claims and a stop wait for the clock; an owner at rest is not woken. */
  function tickSoon(): void {
    if (over || !(stopping || owner.hasParked)) return;
    ticker ??= setTimeout(() => {
      ticker = null;
      step(() => {
        owner.tick(Date.now());
        if (stopping && doors.available() === 0) tryStop();
      });
    }, TICK_MS);
  }

  /** Runs a step of this life; what it throws ends the life. */
  function step(body: () => void): void {
    if (over) return;
    stepping = true;
    try {
      body();
      doors.publish();
    } catch (error) {
      end(() => {
        log.abandon();
        post({ kind: 'failed', failure: failureOf(error) });
        fail(error);
      });
    } finally {
      stepping = false;
    }
    tickSoon();
  }

  function end(tell: () => void): void {
    over = true;
    if (ticker !== null) clearTimeout(ticker);
    clearInterval(housekeeper);
    syncs.stop();
    if (abandonTimer !== null) clearTimeout(abandonTimer);
    shards?.stop();
    disconnect();
    tell();
    doors.close();
  }

  function drain(): void {
    doors.wake();
    let taken = 0;
    for (const door of doors.all()) {
      const { requests } = door;
      const n = Math.min(requests.available(), DRAIN_MAX - taken);
      if (n === 0) continue;
      if (task.faults !== null) obeyFaults(task.faults, task.index);
      if (taken === 0) owner.begin(Date.now());
      const { words } = requests;
      for (let i = 0; i < n; i++) {
        const at = requests.at(i);
        owner.claim(
          door.slotWord(words[at]),
          words[at + 1],
          partitionAt(words[at + 2]),
          words[at + 3],
          words[at + 4] >>> 0,
          words[at + 5] >>> 0,
          words[at + 6] >>> 0,
          words[at + 7] >>> 0,
          spentAt(words[at + 2]),
        );
      }
      requests.release(n);
      taken += n;
    }
    if (taken > 0) {
      owner.end();
      figures[OwnerFigure.drains]++;
      figures[OwnerFigure.requests] += taken;
    }
    if (!doors.sleep()) setImmediate(drainStep);
    else if (stopping) tryStop();
  }
  const drainStep = (): void => step(drain);

  function tryStop(): void {
    // Parked claims are answered by units or by their deadline: the ticker comes back here.
    if (log.isSyncing || owner.inFlight > 0 || owner.hasParked) return;
    if (clusterOwner !== null && clusterOwner.flights > 0) return;
    if (log.synced < log.end) {
      syncs.start();
      return;
    }
    owner.giveAllBack();
    log.close();
    doors.publish();
    post({ kind: 'stopped', logId: task.logId, end: log.end });
    end(finish);
  }

  /** Their clients were told `unavailable` long ago; whether the ledger has them is for the next start to find out. */
  function abandonFlights(): void {
    for (const shard of clusterOwner?.shardsInFlight() ?? []) {
      shards!.close(shard);
      clusterOwner!.suspend(shard);
    }
    tryStop();
  }

  function openDoor({ ingress, requests, replies, port }: Extract<ToOwner, { kind: 'ingress' }>): void {
    if (port === null) {
      // Not in the middle of a step: what the answers of one lead to would come before it has ended.
      line!.toOwner = () => (stepping ? setImmediate(drainStep) : drainStep());
      doors.open({
        ingress,
        requests,
        replies,
        ring: () => line!.toIngress(),
        close: () => line!.ownerGone(),
      });
    } else {
      port.on('message', drainStep);
      doors.open({
        ingress,
        requests,
        replies,
        ring: () => port.postMessage(DOORBELL),
        close: () => port.close(),
      });
    }
    setImmediate(drainStep);
  }

  task.port.on('message', (message: ToOwner) => {
    if (message === DOORBELL) {
      drainStep();
      return;
    }
    step(() => {
      switch (message.kind) {
        case 'template':
          for (const actor of takeTemplate(message.template)) if (isReady) post({ kind: 'actor', actor });
          break;
        case 'units':
          for (const buffer of message.buffers) unitTables.get(message.templateId)?.attach(buffer);
          break;
        case 'lease':
          owner.leaseOutcome(message.ref, message.partition, message.outcome, Date.now());
          break;
        case 'recall':
          owner.recall(message.ref, message.partition, message.all, Date.now());
          break;
        case 'replenished':
          owner.replenished(message.ref, message.partition);
          break;
        case 'confirm':
          for (const ref of message.lease) owner.provide(ref);
          post({ kind: 'confirmed', change: message.change });
          break;
        case 'shardOpen':
          void shards!.open(message.seat, message.follow);
          break;
        case 'shardSuspend':
          shards!.close(message.shard);
          clusterOwner!.suspend(message.shard);
          break;
        case 'takeIn':
          void shards!
            .takeIn(message.shard, message.entries)
            .then(() => post({ kind: 'tookIn', shard: message.shard }));
          break;
        case 'ingress':
          openDoor(message);
          break;
        case 'stop':
          stopping = true;
          abandonTimer = setTimeout(() => step(abandonFlights), FLIGHT_PATIENCE_MS);
          setImmediate(drainStep);
          break;
      }
    });
  });

  let idleCheckedMs = Date.now();
  const housekeeper = setInterval(() => {
    step(() => {
      const nowMs = Date.now();
      if (nowMs - idleCheckedMs >= SLICE_IDLE_MS / 2) {
        idleCheckedMs = nowMs;
        owner.returnIdle(nowMs);
        let users = 0;
        let bytes = 0;
        for (const actor of owner.allActors()) {
          users += actor.users.users;
          bytes += actor.users.bytes;
        }
        figures[OwnerFigure.users] = users;
        figures[OwnerFigure.userTableBytes] = bytes;
      }
      figures[OwnerFigure.cpuSeconds] = threadCpuSeconds();
      figures[OwnerFigure.heartbeatMs] = nowMs;
      shownFigures.publish();
    });
  }, FIGURES_MS);
  if (clusterOwner !== null && task.cluster !== null && redisLedgers !== null) {
    const { redisUrl: url, installation, waitReplicas, life: number, seats } = task.cluster;
    const commits = new redisLedgers.RedisCommitLedger({ url, installation, waitReplicas });
    const onTrouble = (what: string, error: unknown): void => shards?.trouble(what, error);
    const ledger = new redisLedgers.RedisShardLedger({ url, installation, onTrouble });
    shards = new OwnerShards({
      index: task.index,
      life: number,
      places: places!,
      owner: clusterOwner,
      commits,
      ledger,
      clock: realClock,
      now: Date.now,
      step,
      tell: post,
    });
    disconnect = () => {
      void commits.disconnect();
      void ledger.disconnect();
    };
    // Shards open when Redis is there; claims of others are refused meanwhile.
    const connected = [commits.connect(REDIS_PATIENCE_MS), ledger.connect(REDIS_PATIENCE_MS)];
    for (const outcome of await Promise.allSettled(connected))
      if (outcome.status === 'rejected') shards.trouble('Redis is not reachable yet', outcome.reason);
    await shards.start(watermarks, seats);
  }
  ready();
  drainStep();
  await life;
}

function sharesOf(actor: TemplateActor): ActorShares {
  return {
    templateId: actor.rules.templateId,
    partition: actor.partition,
    segments: actor.users.buffers,
    pools: Array.from(actor.pools.values(), (pool) => ({
      activityId: pool.rules.activityId,
      claimed: pool.claimed.buffer as SharedArrayBuffer,
    })),
  };
}
