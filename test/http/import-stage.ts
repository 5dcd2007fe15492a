/** The operators' routes over a store of its own, with codes for 1 000 units. */
import { NO_CREDENTIALS } from '../../src/auth/caller.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import { catalogRoutes } from '../../src/http/catalog-routes.ts';
import { loadUws } from '../../src/http/uws.ts';
import { ok } from '../../src/problems.ts';
import { SqliteStore } from '../../src/records/sqlite-store.ts';
import { localRouter } from './local-router.ts';

export interface ImportStage {
  readonly url: string;
  close(): Promise<void>;
}

export const OPERATOR = 'admin';

export async function importStage(): Promise<ImportStage> {
  const uws = loadUws();
  const store = new SqliteStore(':memory:');
  const now = () => Date.UTC(2026, 10, 10);
  const log = { error: () => {} };
  const catalog = await Catalog.load({
    store,
    engine: {
      templateChanged: async () => {},
      openActivity: async () => ({ ok: true }),
      resizeActivity: async () => ({ ok: true }),
      closeActivity: async () => {},
    },
    spaces: () => [{ space: '0', size: 1_000 }],
    now,
    log,
  });
  const router = localRouter({
    routes: catalogRoutes({
      refusesAll: () => null,
      used: async () => 0,
      catalog,
      stockOf: () => ({ total: 0, free: 0, leased: 0, claimed: 0, flushed: 0 }),
      remaining: () => 0,
    }),
    authenticator: {
      caller: (header) =>
        header('authorization') === `Bearer ${OPERATOR}`
          ? ok({ userId: null, service: true, operator: true })
          : header('x-user-id') !== ''
            ? ok({ userId: header('x-user-id'), service: false, operator: false })
            : { ok: false, problem: NO_CREDENTIALS },
    },
    corsOrigins: [],
    now,
    log,
  });
  const app = uws.App();
  router.mount(app);
  const port = await new Promise<number>((resolve, reject) => {
    app.listen('127.0.0.1', 0, (socket) => {
      if (socket === false) reject(new Error('no port'));
      else resolve(uws.us_socket_local_port(socket));
    });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      app.close();
      await store.close();
    },
  };
}
