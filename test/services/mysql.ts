/** A MariaDB of a test's own, and fresh databases on the one that all tests share. */
import { execFile } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import mysql from 'mysql2/promise';
import { findProgram } from './find-program.ts';
import { LocalServer, type LocalServerOptions, startOnFreePort } from './local-server.ts';

const run = promisify(execFile);
const PACKAGE = 'mariadb-server';
const CONNECT_MS = 5_000;
/** Both programs must agree on it, or the server makes a new redo log at its first start. */
const REDO_LOG = '--innodb-log-file-size=48M';

/** Root must say that it means to be root. */
const asUser = process.getuid?.() === 0 ? ['--user=root'] : [];

/** Unlike anything else that is written to a log: there every secret is struck out, wherever it stands. */
const PASSWORD = 'open-at-noon';

const INIT = `
CREATE USER IF NOT EXISTS 'doorbuster'@'%' IDENTIFIED BY '${PASSWORD}';
GRANT ALL PRIVILEGES ON *.* TO 'doorbuster'@'%' WITH GRANT OPTION;
CREATE DATABASE IF NOT EXISTS doorbuster;
`;

/** A data directory as the server starts from. Takes a second; a copy of one takes none. */
export async function initializeMysql(dir: string): Promise<void> {
  const tmpDir = `${dir}.tmp`;
  fs.mkdirSync(tmpDir, { recursive: true });
  await run(findProgram(['mariadb-install-db', 'mysql_install_db'], PACKAGE), [
    '--no-defaults',
    ...asUser,
    `--datadir=${dir}`,
    `--tmpdir=${tmpDir}`,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
    REDO_LOG,
  ]);
  fs.rmSync(tmpDir, { recursive: true });
}

export class MysqlServer extends LocalServer {
  /** With all rights, local_infile on, and an empty database of the user's name. */
  get url(): string {
    return `mysql://doorbuster:${PASSWORD}@127.0.0.1:${this.port}/doorbuster`;
  }

  protected override async prepare(): Promise<void> {
    fs.mkdirSync(this.tmpDir, { recursive: true });
    fs.writeFileSync(this.initFile, INIT);
    if (fs.existsSync(this.dir)) return;
    const template = process.env.TEST_MYSQL_TEMPLATE;
    if (template === undefined) await initializeMysql(this.dir);
    else await fs.promises.cp(template, this.dir, { recursive: true });
  }

  protected override command(): readonly [string, readonly string[]] {
    const args = [
      '--no-defaults',
      ...asUser,
      `--datadir=${this.dir}`,
      `--socket=${path.join(this.home, 'socket')}`,
      `--tmpdir=${this.tmpDir}`,
      `--pid-file=${path.join(this.home, 'pid')}`,
      `--port=${this.port}`,
      '--bind-address=127.0.0.1',
      '--skip-name-resolve',
      `--init-file=${this.initFile}`,
      '--local-infile=1',
      '--max-connections=400',
      '--table-open-cache=400',
      '--innodb-buffer-pool-size=256M',
      '--innodb-flush-log-at-trx-commit=1',
      // Containers often forbid io_uring.
      '--innodb-use-native-aio=0',
      REDO_LOG,
      '--character-set-server=utf8mb4',
    ];
    return [findProgram(['mariadbd', 'mysqld'], PACKAGE), [...args, ...this.config]];
  }

  protected override async isAnswering(): Promise<boolean> {
    try {
      const rows = await query(this.url, 'SELECT @@pid_file AS file');
      return rows[0]?.file === path.join(this.home, 'pid');
    } catch {
      return false;
    }
  }

  /** A server that starts removes temporary tables of every other one that has the same place for them. */
  private get tmpDir(): string {
    return path.join(this.home, 'tmp');
  }

  private get initFile(): string {
    return path.join(this.home, 'init.sql');
  }
}

export function startMysql(options: LocalServerOptions = {}): Promise<MysqlServer> {
  return startOnFreePort(options.port, (port) => new MysqlServer(port, options));
}

/** One statement over a connection of its own. */
async function query(url: string, sql: string): Promise<mysql.RowDataPacket[]> {
  const connection = await mysql.createConnection({ uri: url, connectTimeout: CONNECT_MS });
  try {
    const [rows] = await connection.query<mysql.RowDataPacket[]>(sql);
    return rows;
  } finally {
    connection.destroy();
  }
}

export interface Database {
  readonly url: string;
  drop(): Promise<void>;
}

/** An empty database of a name of its own on the server of `url`. */
export async function newDatabase(url = process.env.TEST_MYSQL_URL): Promise<Database> {
  if (url === undefined) throw new Error('TEST_MYSQL_URL is not set: was the global setup run?');
  const name = `test_${crypto.randomBytes(6).toString('hex')}`;
  await query(url, `CREATE DATABASE ${name}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  return {
    url: own.href,
    drop: async () => {
      await query(url, `DROP DATABASE IF EXISTS ${name}`);
    },
  };
}
