/**
 * The composition root: config → stores → workers → http, and back down at a signal.
 *
 * Order of start: the directory's lock, the secrets, the record store's thread, the catalog, the engine (which rebuilds
 * every owner's memory), and only then the public port. Order of stop: no new connections, what is in flight answered,
 * owners and flusher drained, stores closed, lock released.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Verdict } from './actors/verdict.ts';
import { tick } from './catalog/activity-changes.ts';
import { Catalog } from './catalog/catalog.ts';
import { CatalogFollower } from './catalog/catalog-follow.ts';
import type { Config } from './config.ts';
import { lockDataDir } from './datadir/lock.ts';
import { readSecrets } from './datadir/secrets.ts';
import { spacesOf } from './domain/code-space.ts';
import { CodeIndex, keyFingerprint } from './domain/codes.ts';
import { wasOpened } from './domain/lifecycle.ts';
import { Engine } from './engine/engine.ts';
import { CrowdWatch } from './events/crowd-watch.ts';
import { EventForwarder } from './events/event-forwarder.ts';
import { RedisEventStream } from './events/redis-event-stream.ts';
import { StockNews } from './events/stock-news.ts';
import { listenInternal } from './http/internal-server.ts';
import { createMetrics } from './http/metrics.ts';
import { PublicPort } from './http/public-server.ts';
import { assertLimits } from './limits.ts';
import { createLogger, type Logger, StruckValues } from './logger.ts';
import type { RecordStore } from './ports.ts';
import type { ClusterStore, ProfileStore } from './ports-cluster.ts';
import { ingressSetup } from './start/ingress-setup.ts';
import { configuredSecrets, madeSecrets } from './start/known-secrets.ts';
import { composeOperations } from './start/operations.ts';
import { publicRoutes } from './start/public-routes.ts';
import { readinessOf } from './start/readiness.ts';
import { readinessFacts } from './start/readiness-facts.ts';
import type { SharedNode } from './start/shared-node.ts';
import { composeWallets } from './start/wallets.ts';
import { stepBehindClaims } from './workers/background-priority.ts';
import { RecordsLink } from './workers/records-link.ts';
import { threadCpuSeconds } from './workers/thread-cpu.ts';

const CATALOG_TICK_MS = 500;
const DRAIN_LOOK_MS = 5;
/** For threads with sockets to end, when the process cannot go on. */
const ABORT_MS = 10_000;
const FORWARDER_STOP_MS = 2_000;
const STOCK_NEWS_STOP_MS = 2_000;

/** A reason not to start that an operator can do something about: told without a stack. */
class StartRefused extends Error {}

/** What has to be ended before the process may. */
interface Leaving {
  engine: Engine | null;
}

/** Serves until a signal or a fatal fault; the exit code. */
export async function serve(config: Config, warnings: readonly string[]): Promise<number> {
  assertLimits();
  const struck = new StruckValues(configuredSecrets(config));
  const logger = createLogger({ level: config.logLevel, secrets: struck });
  for (const warning of warnings) logger.warn(warning);
  const leaving: Leaving = { engine: null };
  try {
    return await run(config, logger, struck, leaving);
  } catch (error) {
    if (error instanceof StartRefused) logger.fatal(error.message);
    else logger.fatal({ err: error }, 'could not start');
    return 1;
  } finally {
    await Promise.race([leaving.engine?.abort(), pause(ABORT_MS, undefined, { ref: false })]);
  }
}

/** Loads the client of Redis only where there is one. */
async function openShared(
  ...how: Parameters<typeof import('./start/shared-node.ts').openSharedNode>
): Promise<SharedNode | null> {
  if (how[0].profile === 'embedded') return null;
  const { openSharedNode } = await import('./start/shared-node.ts');
  return openSharedNode(...how);
}

async function run(config: Config, logger: Logger, struck: StruckValues, leaving: Leaving): Promise<number> {
  const lock = lockDataDir(config.dataDir);
  if (!lock.ok) throw new StartRefused(lock.error);
  const secretsRead = readSecrets(config);
  if (!secretsRead.ok) throw new StartRefused(secretsRead.errors.join('\n'));
  const { secrets, made } = secretsRead;
  struck.add(madeSecrets(secrets));
  for (const file of made) logger.info({ file }, 'made');

  let finish: (code: number) => void = () => {};
  const ended = new Promise<number>((resolve) => {
    finish = resolve;
  });
  const onFatal = (error: Error): void => {
    logger.fatal({ err: error }, 'cannot go on');
    finish(1);
  };

  // ------------------------------------------------------------ stores
  const storeFile = path.join(config.dataDir, 'records.db');
  const records = await RecordsLink.start<RecordStore & ClusterStore & ProfileStore>(
    config.mysqlUrl === null
      ? { kind: 'sqlite', file: storeFile }
      : { kind: 'mysql', url: config.mysqlUrl, statementTimeoutMs: config.mysqlTimeoutMs },
    onFatal,
    logger,
  );
  const { store } = records;
  const fingerprint = keyFingerprint(secrets.codeKey);
  if ((await store.keepFact('code_key_fingerprint', fingerprint)) !== fingerprint) {
    throw new StartRefused(
      'CODE_KEY is not the key this database was made with: codes given out would not match.',
    );
  }

  // ------------------------------------------------------------ catalog and engine
  const codeIndex = new CodeIndex(await store.extents());
  let follower: CatalogFollower | null = null;
  const news = (): void => follower?.nudge();
  const shared = await openShared(config, store, logger, news, onFatal).catch((error: Error) => {
    throw new StartRefused(error.message);
  });
  const publicPort = new PublicPort();
  const engine = new Engine({
    config,
    codeKey: secrets.codeKey,
    store,
    connectStore: (port) => records.connect(port),
    shared: shared?.node ?? null,
    ingress: ingressSetup({
      config,
      adminToken: secrets.adminToken,
      acceptor: publicPort,
      routes: () => routes,
      onTook: (seconds) => metrics.claimTook(seconds),
      now: Date.now,
      log: logger,
    }),
    logger,
    onFatal,
  });
  leaving.engine = engine;
  // In a cluster other nodes change the catalog too: what came before and what comes after meet without a gap.
  const from = config.profile === 'cluster' ? await store.changesSince(0) : undefined;
  const catalog = await Catalog.load(
    {
      store,
      engine: {
        templateChanged: (template, activities, extent) => {
          if (extent !== null) codeIndex.add(extent);
          return engine.changes.templateChanged(template, activities, extent);
        },
        openActivity: (activity) => engine.changes.openActivity(activity),
        resizeActivity: (activity) => engine.changes.resizeActivity(activity),
        closeActivity: (activity) => engine.changes.closeActivity(activity),
      },
      spaces: spacesOf,
      now: Date.now,
      log: logger,
    },
    from,
  );
  if (shared?.bell != null) catalog.onSaved = () => shared.bell?.ring();
  if (from !== undefined) {
    follower = new CatalogFollower({
      catalog,
      changesSince: (sequence) => store.changesSince(sequence),
      from: from.sequence,
      log: logger,
      onExtent: (extent) => codeIndex.add(extent),
    });
  }

  // ------------------------------------------------------------ faces
  const now = Date.now;
  await assertKeySet(config);
  const { ownerThreads } = config;
  const wallets = composeWallets({
    store,
    coupons: records.coupons,
    engine,
    catalog,
    follower,
    shared,
    ownerThreads,
    log: logger,
  });
  const operations = composeOperations({
    config,
    codeKey: secrets.codeKey,
    stores: records,
    storeFile,
    engine,
    catalog,
    codeIndex,
    wallets,
    now,
    logger,
  });
  const routes = publicRoutes(operations, config);

  let serving = false;
  const metrics = createMetrics({
    engine,
    threadCpu: () => [
      ['main', threadCpuSeconds()],
      [engine.topology.sinkThread, engine.sink.cpu.seconds],
      ['records', records.cpu.seconds],
    ],
    swept: records.swept,
    redisUp: shared === null ? null : () => shared.redis.isUp,
  });
  const onWaiting = (message: string): void => logger.warn(message);
  const inside = await listenInternal({
    host: config.internalHost,
    port: config.internalPort,
    onWaiting,
    readiness: () => readinessOf(readinessFacts(serving, engine, shared, config)),
    metrics,
  });
  if (!inside.ok) throw new StartRefused(inside.error!);
  const internal = inside.server;

  const startMs = Date.now();
  const opened = [...catalog.activities()].filter(wasOpened);
  const started = engine.start(catalog.templates(), opened, await store.extents());
  const failedWith = await Promise.race([started.then(() => null), ended]);
  if (failedWith !== null) return failedWith;
  follower?.start();
  const crowd = new CrowdWatch(
    () => engine.claimsAnswered(Verdict.claimed),
    () => performance.now(),
  );
  const forwarder =
    shared === null
      ? null
      : new EventForwarder({
          name: 'redis-stream',
          holder: shared.node.nodeId,
          store: records.events,
          stream: new RedisEventStream(shared.redis, shared.installation),
          hears: wallets.retell,
          isCrowded: () => crowd.isCrowded(),
          onTrouble: shared.onTrouble,
        });
  forwarder?.start();
  const stockNews = new StockNews({
    templates: () => catalog.templates(),
    activities: () => [...catalog.activities()].filter(wasOpened),
    readyUnits: (templateId) => engine.stock.ready(templateId),
    claimedUnits: (templateId, activityId) => engine.stock.claimed(templateId, activityId),
    store: records.events,
    onTrouble: (error) =>
      logger.error({ err: error }, 'what became of stock could not be told; it is tried again'),
  });
  const ticker = setInterval(() => {
    tick(catalog).catch((error: unknown) => logger.error({ err: error }, 'catalog tick failed'));
    void stockNews.look();
  }, CATALOG_TICK_MS);
  // Before the port opens: from its first claim on, a signal means to drain.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      logger.info({ signal }, 'stopping');
      finish(0);
    });
  }
  const stopped = new AbortController();
  ended.then(() => stopped.abort());
  const { host, port } = config;
  const outside = await publicPort.listen({ host, port, onWaiting, stopped: stopped.signal });
  if (!outside.ok && outside.error !== null) throw new StartRefused(outside.error);
  const server = outside.ok ? outside.server : null;
  if (server !== null) {
    serving = true;
    // The threads that all share are there before: they would begin with the priority of main.
    await fs.stat(config.dataDir);
    stepBehindClaims();
    logger.info(
      {
        api: `http://${host}:${server.port}`,
        health: `http://${config.internalHost}:${internal.port}`,
        dataDir: config.dataDir,
        startMs: Date.now() - startMs,
      },
      'doorbuster is serving',
    );
  }

  // ------------------------------------------------------------ the way down
  const code = await ended;
  if (code !== 0) return code;
  serving = false;
  server?.stopListening();
  engine.ingresses?.drain();
  clearInterval(ticker);
  await follower?.stop();
  await drained(() => engine.isDrained(), config.drainTimeoutMs);
  engine.ingresses?.closeLive();
  await engine.stop(config.drainTimeoutMs);
  await stockNews.rest(STOCK_NEWS_STOP_MS);
  await forwarder?.stop(FORWARDER_STOP_MS);
  await shared?.stop();
  server?.close();
  await internal.close();
  await records.rest();
  await store.close();
  await records.end();
  lock.release();
  logger.info('stopped');
  return 0;
}

/** The threads load it for themselves; that it is there is a condition of the start. */
async function assertKeySet({ jwksUrl }: Config): Promise<void> {
  if (jwksUrl === null) return;
  const { loadJwks } = await import('./auth/jwks.ts');
  const loaded = await loadJwks(jwksUrl);
  if (!loaded.ok) throw new StartRefused(loaded.error);
}

/** Waits for a condition with patience; going on without it is what the caller's next step is made for. */
async function drained(condition: () => Promise<boolean>, patienceMs: number): Promise<void> {
  const deadlineMs = Date.now() + patienceMs;
  while (!(await condition()) && Date.now() <= deadlineMs) await pause(DRAIN_LOOK_MS);
}
