/** A database program the bench started: answers for its readiness, keeps its last words, ends with the bench. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const READY_MS_MAX = 30_000;
const READY_POLL_MS = 50;
const OUTPUT_CHARS_KEPT = 4000;
/** Debian keeps some servers where not everybody's PATH leads. */
const ALSO = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The first of `names` that is installed. */
export function findProgram(names: readonly string[]): string {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), ...ALSO];
  for (const name of names) {
    const folder = folders.find((one) => existsSync(path.join(one, name)));
    if (folder !== undefined) return path.join(folder, name);
  }
  throw new Error(`${names.join(' or ')} is not installed`);
}

export class NativeProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #program: string;
  #output = '';

  constructor(program: string, args: readonly string[]) {
    this.#program = program;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_CHARS_KEPT);
      });
    }
    this.#exited = once(child, 'exit');
    const reap = () => child.kill('SIGKILL');
    process.once('exit', reap);
    child.once('exit', () => process.off('exit', reap));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** `answers` resolves to false, or rejects, as long as the program is not ready. */
  async ready(answers: () => Promise<boolean>): Promise<void> {
    const untilMs = performance.now() + READY_MS_MAX;
    while (!(await answers().catch(() => false))) {
      if (this.#child.exitCode !== null) throw new Error(`${this.#program} ended:\n${this.#output}`);
      if (performance.now() > untilMs) throw new Error(`${this.#program} is not ready:\n${this.#output}`);
      await sleep(READY_POLL_MS);
    }
  }

  /** Its data is thrown away afterwards, so it need not end in order. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
