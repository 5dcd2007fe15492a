/** A server program that a test owns: started, killed, frozen, restarted on the same port and data, thrown away. */
import assert from 'node:assert';
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { until, within } from '../support/wait.ts';
import { Caretaker } from './caretaker.ts';
import { freePort } from './free-port.ts';

const START_MS = 30_000;
const WORDS_MAX = 4_000;

export interface LocalServerOptions {
  /** Kept by stop(), and started upon when it holds data; a temporary one by default, removed by stop(). */
  readonly dir?: string;
  readonly port?: number;
  /** Further arguments of the program; they win over the ones given by us. */
  readonly config?: readonly string[];
}

export abstract class LocalServer {
  readonly port: number;
  /** The data directory. */
  readonly dir: string;
  /** Holds the data directory, and what else a server needs beside it. */
  protected readonly home: string;
  protected readonly config: readonly string[];
  private readonly caretaker: Caretaker;
  private child: ChildProcess | null = null;
  private lastWords = '';

  constructor(port: number, { dir, config = [] }: LocalServerOptions) {
    this.port = port;
    this.config = config;
    this.home = dir ?? fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-service-'));
    this.dir = path.join(this.home, 'data');
    this.caretaker = new Caretaker(dir === undefined ? this.home : null);
  }

  /** The program and its arguments. */
  protected abstract command(): readonly [program: string, args: readonly string[]];
  /** Fills the data directory when it is missing. */
  protected abstract prepare(): void | Promise<void>;
  /** The process id (or whatever else only this server can know) was told over the port. */
  protected abstract isAnswering(): Promise<boolean>;

  get isAlive(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  get pid(): number {
    assert(this.child !== null, 'never started');
    return this.child.pid!;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    assert(!this.isAlive, 'runs already');
    await this.prepare();
    const [program, args] = this.command();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    this.lastWords = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        this.lastWords = (this.lastWords + chunk).slice(-WORDS_MAX);
      });
    this.caretaker.mind(child.pid ?? null);
    child.once('exit', () => this.caretaker.mind(null));
    await until(
      () => {
        if (!this.isAlive) throw new Error(`${program} ended: ${this.lastWords}`);
        return this.isAnswering();
      },
      `${program} answers on port ${this.port}`,
      START_MS,
    ).catch(async (error) => {
      await this.kill();
      throw error;
    });
  }

  /** SIGKILL, also when frozen; resolves when the process is gone. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** SIGSTOP; resolves when the process stands still. Connections stay open and nobody answers. */
  async freeze(): Promise<void> {
    process.kill(this.pid, 'SIGSTOP');
    await until(() => this.state() === 'T', `process ${this.pid} is frozen`);
  }

  /** SIGCONT after freeze(). */
  async thaw(): Promise<void> {
    process.kill(this.pid, 'SIGCONT');
    await until(() => this.state() !== 'T', `process ${this.pid} runs again`);
  }

  /** Ends it orderly (SIGTERM) when it still runs, and starts it on the same port and directory. */
  async restart({ wipe = false }: { readonly wipe?: boolean } = {}): Promise<void> {
    if (this.isAlive) await this.end('SIGTERM');
    if (wipe) fs.rmSync(this.dir, { recursive: true, force: true });
    await this.start();
  }

  /** Kills it and removes its directory, unless that was given. */
  async stop(): Promise<void> {
    await this.kill();
    await this.caretaker.dismiss();
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.child;
    if (child === null || !this.isAlive) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await within(gone, `end of process ${child.pid} after ${signal}`, START_MS);
  }

  /** The kernel's letter for what the process does; the third field, after a name in brackets. */
  private state(): string {
    const stat = fs.readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0]!;
  }
}

/** Starts what `make` builds. A port that somebody else took first is not the test's fault: another one is tried. */
export async function startOnFreePort<T extends LocalServer>(
  port: number | undefined,
  make: (port: number) => T,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const server = make(port ?? (await freePort()));
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      if (port !== undefined || attempt === 3) throw error;
    }
  }
}
