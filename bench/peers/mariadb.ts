/** A private MariaDB that commits as safely as one does by default. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { createConnection } from 'mysql2/promise';
import { DataDir } from '../processes/data-dir.ts';
import { freePorts } from '../processes/ports.ts';
import { findProgram, NativeProcess } from './native-process.ts';
import type { Service } from './service.ts';

const USER = 'bench';
const INIT = `
CREATE USER ${USER}@'%' IDENTIFIED BY '${USER}';
GRANT ALL PRIVILEGES ON *.* TO ${USER}@'%';
CREATE DATABASE ${USER};
`;
/** Both programs must agree on it. */
const REDO_LOG = '--innodb-log-file-size=256M';

export async function startMariadb(): Promise<Service> {
  const [port] = (await freePorts(1)) as [number];
  const dataDir = new DataDir();
  const data = path.join(dataDir.path, 'data');
  const init = path.join(dataDir.path, 'init.sql');
  // Root has to say that it means to be root.
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  const common = ['--no-defaults', ...user, `--datadir=${data}`, '--skip-name-resolve', REDO_LOG];
  await promisify(execFile)(findProgram(['mariadb-install-db', 'mysql_install_db']), [
    ...common,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
  ]);
  writeFileSync(init, INIT);
  const server = new NativeProcess(findProgram(['mariadbd', 'mysqld']), [
    ...common,
    `--socket=${path.join(dataDir.path, 'socket')}`,
    `--pid-file=${path.join(dataDir.path, 'pid')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--init-file=${init}`,
    '--local-infile=1',
    '--innodb-buffer-pool-size=512M',
    '--innodb-flush-log-at-trx-commit=1',
    // Containers often forbid io_uring.
    '--innodb-use-native-aio=0',
    '--character-set-server=utf8mb4',
  ]);
  const stop = async () => {
    await server.kill();
    dataDir.remove();
  };
  const url = `mysql://${USER}:${USER}@127.0.0.1:${port}/${USER}`;
  try {
    await server.ready(async () => {
      await (await createConnection(url)).end();
      return true;
    });
    return { url, pid: server.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
