/** A real server in a process of its own: started on free ports, killed, stopped, asked. */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer } from './connection.ts';
import { Connection } from './connection.ts';
import { within } from './wait.ts';

/** Another build can be tried with DOORBUSTER_CLI. */
export const CLI =
  process.env.DOORBUSTER_CLI ?? fileURLToPath(new URL('../../dist/app/doorbuster.cjs', import.meta.url));
export const ADMIN_TOKEN = 'operator-token-of-the-tests';
const START_MS = 30_000;

export type Environment = Readonly<Record<string, string>>;

export function newDataDir(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-e2e-'));
}

/** What `serve` is told; nothing of this process's environment reaches it but the path. */
function environment(dataDir: string, env: Environment): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    PORT: '0',
    INTERNAL_PORT: '0',
    DATA_DIR: dataDir,
    ADMIN_TOKEN,
    RATE_LIMIT_USER: '0',
    ...env,
  };
}

const children = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

function launch(args: readonly string[], env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [CLI, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the command line to its end. */
export function runCli(
  args: readonly string[],
  env: Environment = {},
  patienceMs = 60_000,
): Promise<Outcome> {
  const child = launch(args, { PATH: process.env.PATH ?? '', ...env });
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Outcome>((resolve) => {
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
  return within(ended, `end of doorbuster ${args.join(' ')}`, patienceMs).finally(() =>
    child.kill('SIGKILL'),
  );
}

/** A start that is meant to fail. */
export function runServe(dataDir: string, env: Environment = {}): Promise<Outcome> {
  return runCli(['serve'], environment(dataDir, env));
}

export class Server {
  readonly dataDir: string;
  readonly port: number;
  readonly internalPort: number;
  /** Log lines, as far as they are JSON. */
  readonly log: Record<string, unknown>[];
  readonly pid: number;
  private readonly child: ChildProcess;
  private readonly exited: Promise<number | null>;
  private admin: Connection | null = null;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(dataDir: string, child: ChildProcess, log: Record<string, unknown>[], ports: [number, number]) {
    this.dataDir = dataDir;
    this.child = child;
    this.pid = child.pid!;
    this.log = log;
    [this.port, this.internalPort] = ports;
    this.exited = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
    this.admin?.close();
  }

  /** SIGSTOP: connections stay open and nobody answers. */
  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  /** SIGCONT after freeze(). */
  thaw(): void {
    this.child.kill('SIGCONT');
  }

  /** Resolves when the process has ended by itself; its exit code. */
  ended(patienceMs = 30_000): Promise<number | null> {
    return within(this.exited, 'the server ends', patienceMs);
  }

  /** SIGTERM; the exit code. */
  async stop(patienceMs = 40_000): Promise<number | null> {
    this.child.kill('SIGTERM');
    const code = await within(this.exited, 'exit after SIGTERM', patienceMs);
    this.admin?.close();
    return code;
  }

  /** Kills what still runs and removes its directory. */
  async destroy(): Promise<void> {
    await this.kill();
    fs.rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** A request of an operator. One after the other, over one connection. */
  api(method: string, route: string, body?: unknown, headers: Environment = {}): Promise<Answer> {
    const mine = this.turn.then(async () => {
      if (this.admin === null || this.admin.lost) this.admin = await Connection.open(this.port);
      return this.admin.request({
        method,
        path: route,
        headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    });
    this.turn = mine.catch(() => {});
    return within(mine, `answer to ${method} ${route}`, 30_000);
  }

  /** The same, expected to be answered with `status`; the JSON of the answer. */
  // biome-ignore lint/suspicious/noExplicitAny: what the routes answer is what the tests look at
  async must(status: number, method: string, route: string, body?: unknown): Promise<any> {
    const answer = await this.api(method, route, body);
    if (answer.status !== status)
      throw new Error(
        `${method} ${route}: ${answer.status} instead of ${status}: ${answer.text}\n${this.lastErrors()}`,
      );
    return answer.json;
  }

  /** What its log says about failures, the last few. */
  private lastErrors(): string {
    const errors = this.log.filter(({ level }) => level === 'error' || level === 'fatal');
    return errors
      .slice(-3)
      .map((entry) => JSON.stringify(entry))
      .join('\n');
  }

  /** A path of the internal port. */
  async internal(route: string): Promise<{ status: number; text: string }> {
    const response = await fetch(`http://127.0.0.1:${this.internalPort}${route}`);
    return { status: response.status, text: await response.text() };
  }

  /** A figure of /metrics, `name` with its labels as printed there; 0 when it is not there. */
  async metric(name: string): Promise<number> {
    const { text } = await this.internal('/metrics');
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return line === undefined ? 0 : Number(line.slice(name.length + 1));
  }
}

export interface StartOptions {
  readonly dataDir?: string;
  readonly env?: Environment;
  /** Filled with its log, for who must see it before the server serves. */
  readonly log?: Record<string, unknown>[];
}

/** Resolves when the server serves; rejects with its last words when it ends before. */
export async function startServer({
  dataDir = newDataDir(),
  env = {},
  log = [],
}: StartOptions = {}): Promise<Server> {
  const child = launch(['serve'], environment(dataDir, env));
  const ports = new Promise<[number, number]>((resolve, reject) => {
    let rest = '';
    child.stderr!.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (!line.startsWith('{')) continue;
        const entry = JSON.parse(line) as Record<string, unknown>;
        log.push(entry);
        if (entry.msg === 'doorbuster is serving')
          resolve([Number(new URL(String(entry.api)).port), Number(new URL(String(entry.health)).port)]);
      }
    });
    child.once('close', (code) => {
      reject(new Error(`the server ended with ${code}: ${JSON.stringify(log.slice(-3))}${rest}`));
    });
  });
  try {
    const served = within(ports, 'the server serves', START_MS).catch((error: Error) => {
      throw new Error(`${error.message}; its log ends with ${JSON.stringify(log.slice(-5))}`);
    });
    return new Server(dataDir, child, log, await served);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}
