/**
 * The composition root: config → stores → workers → http, and back down at a signal.
 *
 * Order of start: the directory's lock, the secrets, the record store's thread, the catalog, the engine (which rebuilds
 * every owner's memory), and only then the public port. Order of stop: no new connections, what is in flight answered,
 * owners and flusher drained, stores closed, lock released.
 */
import path from 'node:path';
import { liveAudit } from './audit/live-audit.ts';
import { AddressRateLimiter } from './auth/address-rate-limit.ts';
import { createAuthenticator } from './auth/authenticator.ts';
import { type Jwks, loadJwks } from './auth/jwks.ts';
import { RateLimiter } from './auth/rate-limit.ts';
import { tick } from './catalog/activity-changes.ts';
import { Catalog, wasOpened } from './catalog/catalog.ts';
import { CatalogFollower } from './catalog/catalog-follow.ts';
import { logRoot } from './claimlog/segment.ts';
import type { Config } from './config.ts';
import { lockDataDir } from './datadir/lock.ts';
import { readSecrets } from './datadir/secrets.ts';
import { defaultSpaces, patternSpace } from './domain/code-space.ts';
import { CodeBook, CodeIndex, keyFingerprint } from './domain/codes.ts';
import type { Template } from './domain/template.ts';
import { Engine } from './engine/engine.ts';
import { auditRoute } from './http/audit-route.ts';
import { catalogRoutes } from './http/catalog-routes.ts';
import { CLAIM_PATHS } from './http/claim-paths.ts';
import { ClaimRoutes } from './http/claim-routes.ts';
import { couponRoutes } from './http/coupon-routes.ts';
import { type InternalServer, listenInternal } from './http/internal-server.ts';
import { createMetrics } from './http/metrics.ts';
import { listenPublic } from './http/public-server.ts';
import { createRouter } from './http/router.ts';
import { loadUws } from './http/uws.ts';
import { assertLimits } from './limits.ts';
import { LiveClaims } from './live/live-claims.ts';
import { LiveSocket } from './live/live-socket.ts';
import { StockWatch } from './live/stock-watch.ts';
import { createLogger, type Logger } from './logger.ts';
import type { ExtentRequest, RecordStore } from './ports.ts';
import type { ClusterStore, ProfileStore } from './ports-cluster.ts';
import { openSharedNode } from './start/shared-node.ts';
import { RedisWalletL2 } from './wallet/redis-wallet-l2.ts';
import { Wallet } from './wallet/wallet.ts';
import { WalletCache } from './wallet/wallet-cache.ts';
import { RecordsLink } from './workers/records-link.ts';
import { threadCpuSeconds } from './workers/thread-cpu.ts';

const CATALOG_TICK_MS = 500;

/** A reason not to start that an operator can do something about: told without a stack. */
class StartRefused extends Error {}

/** Serves until a signal or a fatal fault; the exit code. */
export async function serve(config: Config, warnings: readonly string[]): Promise<number> {
  assertLimits();
  const logger = createLogger({ level: config.logLevel });
  for (const warning of warnings) logger.warn(warning);
  try {
    return await run(config, logger);
  } catch (error) {
    if (error instanceof StartRefused) logger.fatal(error.message);
    else logger.fatal({ err: error }, 'could not start');
    return 1;
  }
}

async function run(config: Config, logger: Logger): Promise<number> {
  const lock = lockDataDir(config.dataDir);
  if (!lock.ok) throw new StartRefused(lock.error);
  const secretsRead = readSecrets(config);
  if (!secretsRead.ok) throw new StartRefused(secretsRead.errors.join('\n'));
  const { secrets, made } = secretsRead;
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
    config.mysqlUrl === null ? { kind: 'sqlite', file: storeFile } : { kind: 'mysql', url: config.mysqlUrl },
    onFatal,
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
  const shared = await openSharedNode(config, store, logger, news, onFatal).catch((error: Error) => {
    throw new StartRefused(error.message);
  });
  const engine = new Engine({
    config,
    codeKey: secrets.codeKey,
    store,
    connectStore: (port) => records.connect(port),
    shared: shared?.node ?? null,
    logger,
    onFatal,
  });
  // In a cluster other nodes change the catalog too: what came before and what comes after meet without a gap.
  const from = config.profile === 'cluster' ? await store.changesSince(0) : undefined;
  const catalog = await Catalog.load(
    {
      store,
      engine: {
        templateChanged: (template, activities, extent) => {
          if (extent !== null) codeIndex.add(extent);
          return engine.templateChanged(template, activities, extent);
        },
        openActivity: (activity) => engine.openActivity(activity),
        resizeActivity: (activity) => engine.resizeActivity(activity),
        closeActivity: (activity) => engine.closeActivity(activity),
      },
      spaces: codeSpaces,
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
  const authenticator = createAuthenticator(config, secrets, await keySet(config));
  const userLimiter = new RateLimiter(config.rateLimitUserPerSecond);
  const template = (templateId: number) => engine.template(templateId);
  const claims = new ClaimRoutes({
    desk: engine.desk,
    template,
    templateOfActivity: (activityId) => engine.templateOfActivity(activityId),
    authenticator,
    userLimiter,
    addressLimiter:
      config.rateLimitAddressPerSecond === 0
        ? null
        : new AddressRateLimiter(config.rateLimitAddressPerSecond),
    corsOrigins: config.corsOrigins,
    now,
  });
  const app = loadUws().App();
  const remaining = (templateId: number, activityId: number) => engine.remainingOf(templateId, activityId);
  const watch = new StockWatch({
    activity: (activityId) => {
      const activity = catalog.activity(activityId);
      return activity !== undefined && wasOpened(activity) ? activity : undefined;
    },
    remaining,
    publish: (topic, message, isBinary) => app.publish(topic, message, isBinary),
    now,
  });
  const live = new LiveSocket({
    authenticator,
    claims: new LiveClaims(engine.desk),
    watch,
    userLimiter,
    pool: ({ templateId, activityId }) =>
      activityId === 0
        ? template(templateId)?.pools.get(0)
        : engine.templateOfActivity(activityId)?.pools.get(activityId),
    corsOrigins: config.corsOrigins,
    now,
  });
  const { barrier } = engine;
  const walletCache = new WalletCache({
    store,
    l2:
      shared === null ? null : new RedisWalletL2({ redis: shared.redis, installation: shared.installation }),
    log: logger,
  });
  const wallet = new Wallet({
    store: walletCache,
    templates: () => engine.allTemplates(),
    template,
    ...(barrier === null ? {} : { barrier: () => barrier.wait() }),
  });
  const router = createRouter({
    routes: [
      ...CLAIM_PATHS,
      ...catalogRoutes({
        catalog,
        stockOf: async (templateId) => (await engine.exactStockOf(templateId))!,
        remaining,
      }),
      ...couponRoutes({
        wallet,
        codes: new CodeBook(secrets.codeKey),
        codeIndex,
        template,
        templates: () => engine.allTemplates(),
        remaining,
      }),
      auditRoute(
        liveAudit({
          ...(config.mysqlUrl === null ? { storeFile } : { mysqlUrl: config.mysqlUrl }),
          logRoot: logRoot(config.dataDir),
          codeKey: secrets.codeKey,
          liveLogs: () => engine.sink.liveLogs(),
          streams: () => engine.streamPlace(),
          snapshot: () => engine.auditSnapshot(),
        }),
        (error) => logger.error({ err: error }, 'audit failed'),
      ),
    ],
    authenticator,
    corsOrigins: config.corsOrigins,
    now,
    log: logger,
  });

  let serving = false;
  const metrics = createMetrics({
    engine,
    threadCpu: () => [
      ['ingress', threadCpuSeconds()],
      [engine.cluster === null ? 'flusher' : 'cluster', engine.sink.cpu[0]],
      ['records', records.cpu[0]],
    ],
    liveConnections: () => live.connections,
  });
  const internal: InternalServer = await listenInternal({
    host: config.internalHost,
    port: config.internalPort,
    readiness: () => readiness(serving, engine, config),
    metrics,
  });
  claims.onTimed = (seconds) => metrics.claimTook(seconds);

  const startMs = Date.now();
  const opened = [...catalog.activities()].filter(wasOpened);
  await Promise.race([engine.start(catalog.templates(), opened, await store.extents()), ended]);
  follower?.start();
  const ticker = setInterval(() => {
    tick(catalog).catch((error: unknown) => logger.error({ err: error }, 'catalog tick failed'));
  }, CATALOG_TICK_MS);
  // Before the port opens: from its first claim on, a signal means to drain.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      logger.info({ signal }, 'stopping');
      finish(0);
    });
  }
  const server = await listenPublic(app, { host: config.host, port: config.port, claims, live, router });
  serving = true;
  logger.info(
    {
      api: `http://${config.host}:${server.port}`,
      health: `http://${config.internalHost}:${internal.port}`,
      dataDir: config.dataDir,
      startMs: Date.now() - startMs,
    },
    'doorbuster is serving',
  );

  // ------------------------------------------------------------ the way down
  const code = await ended;
  if (code !== 0) return code;
  serving = false;
  claims.draining = true;
  live.draining = true;
  clearInterval(ticker);
  await follower?.stop();
  watch.stop();
  server.stopListening();
  await drained(() => engine.desk.inFlight === 0 && router.inFlight() === 0, config.drainTimeoutMs);
  live.closeAll();
  await engine.stop(config.drainTimeoutMs);
  await shared?.stop();
  server.close();
  await internal.close();
  await store.close();
  await records.end();
  lock.release();
  logger.info('stopped');
  return 0;
}

function codeSpaces(template: Template, publishedAtMs: number): ExtentRequest['spaces'] {
  if (template.code === null)
    return defaultSpaces(template.productLine, template.codeKind, publishedAtMs, template.id);
  const space = patternSpace(template.code);
  if (!space.ok)
    throw new Error(`template ${template.id} was accepted with a bad code pattern: ${space.problem.detail}`);
  return [space.value];
}

async function keySet(config: Config): Promise<{ jwks?: Jwks }> {
  if (config.jwksUrl === null) return {};
  const loaded = await loadJwks(config.jwksUrl);
  if (!loaded.ok) throw new StartRefused(loaded.error);
  return { jwks: loaded.jwks };
}

function readiness(
  serving: boolean,
  engine: Engine,
  config: Config,
): { ready: boolean; checks: Record<string, string> } {
  const checks: Record<string, string> = {};
  if (!serving) checks.server = 'starting or stopping';
  const down = Array.from({ length: config.ownerThreads }, (_, index) => index).filter(
    (index) => engine.owners.life(index) === null,
  );
  if (down.length > 0) checks.owners = `not running: ${down.join(', ')}`;
  if (engine.desk.lagging) checks.flusher = `more than ${config.lagLimitClaims} claims are not flushed`;
  for (const [logId, detail] of engine.sink.stuck) checks[`log-${logId}`] = detail;
  Object.assign(checks, engine.cluster?.closedShards() ?? {});
  const grave = Object.keys(checks).length > 0;
  // These can wait, and be waited for: claims go on meanwhile.
  if (engine.sink.delayed) checks.records = 'the record store does not take claims at the moment';
  const unwritten = engine.single?.closedShards ?? [];
  if (unwritten.length > 0) checks.ledger = 'Redis is away or empty: units in hand are sold meanwhile';
  return { ready: !grave, checks };
}

/** Waits for a condition with patience; going on without it is what the caller's next step is made for. */
function drained(condition: () => boolean, patienceMs: number): Promise<void> {
  const deadlineMs = Date.now() + patienceMs;
  return new Promise((resolve) => {
    const look = (): void => {
      if (condition() || Date.now() > deadlineMs) resolve();
      else setTimeout(look, 5);
    };
    look();
  });
}
