/** A process the bench started: waits for it to be ready, keeps the end of what it wrote to stderr, ends it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

const STDERR_CHARS_KEPT = 4000;
const READY_POLL_MS = 5;
const END_MS_MAX = 60_000;

export class Child {
  readonly process: ChildProcess;
  readonly startedAtMs = performance.now();
  stderr = '';
  readonly #exited: Promise<unknown>;

  constructor(file: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.process = spawn(process.execPath, [file, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = (this.stderr + text).slice(-STDERR_CHARS_KEPT);
    });
    this.#exited = once(this.process, 'exit');
    // Nothing the bench started may outlive it.
    const reap = () => this.process.kill('SIGKILL');
    process.once('exit', reap);
    this.process.once('exit', () => process.off('exit', reap));
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Milliseconds from spawn to the first 200. */
  async ready(url: string, timeoutMs: number): Promise<number> {
    for (;;) {
      const status = await fetch(url).then(
        async (answer) => {
          await answer.arrayBuffer();
          return answer.status;
        },
        () => 0,
      );
      const elapsedMs = performance.now() - this.startedAtMs;
      if (status === 200) return elapsedMs;
      if (!this.running) throw new Error(`process ended before it was ready:\n${this.stderr}`);
      if (elapsedMs > timeoutMs) throw new Error(`not ready after ${timeoutMs} ms:\n${this.stderr}`);
      await sleep(READY_POLL_MS);
    }
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    if (this.running) this.process.kill(signal);
    const impatient = setTimeout(() => this.process.kill('SIGKILL'), END_MS_MAX);
    await this.#exited;
    clearTimeout(impatient);
  }
}
