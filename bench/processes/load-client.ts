/** The parent's side of the load process: one job at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import type { FromLoad, Job, LoadResult, ToLoad } from '../load/jobs.ts';
import { compiled } from '../paths.ts';

export class LoadClient {
  #child: ChildProcess = startProcess();

  /** `beforeFirst` runs when all connections are up and before the first request leaves. */
  async run(job: Job, beforeFirst: () => Promise<void> = async () => {}): Promise<LoadResult> {
    this.#send({ kind: 'run', job });
    const ready = await this.#next();
    if (ready.kind !== 'ready') throw unexpected(ready);
    try {
      await beforeFirst();
    } catch (error) {
      // Its connections are up and it waits for a `go` that will not come: the next run gets a new process.
      this.stop();
      this.#child = startProcess();
      throw error;
    }
    this.#send({ kind: 'go' });
    const done = await this.#next();
    if (done.kind !== 'done') throw unexpected(done);
    return done.result;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToLoad): void {
    this.#child.send(message);
  }

  #next(): Promise<FromLoad> {
    return new Promise((resolve, reject) => {
      const ended = () => reject(new Error('the load process ended'));
      this.#child.once('exit', ended);
      this.#child.once('message', (message) => {
        this.#child.off('exit', ended);
        resolve(message as FromLoad);
      });
    });
  }
}

function startProcess(): ChildProcess {
  return fork(compiled('bench/load/load-process.js'));
}

function unexpected(message: FromLoad): Error {
  return new Error(
    message.kind === 'failed' ? `load failed: ${message.message}` : `unexpected ${message.kind}`,
  );
}
