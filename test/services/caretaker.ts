/**
 * Cleans up after a server even when the tests cannot: a shell that waits until its stdin closes, be it that we close it
 * or that this process is gone (SIGKILL included), then kills the server and removes its directory. It runs in a session
 * of its own, so that a signal to the whole process group of the tests does not end it before its work is done.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

const SCRIPT = `
pid=
while read -r line; do pid=$line; done
[ -z "$pid" ] || kill -9 "$pid"
[ -n "$1" ] || exit 0
# A dying server may still write.
for attempt in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" && exit 0; sleep 0.2; done
`;

export class Caretaker {
  private readonly shell: ChildProcess;

  /** `directory` is removed in the end; null leaves all directories alone. */
  constructor(directory: string | null) {
    this.shell = spawn('/bin/sh', ['-c', SCRIPT, 'caretaker', directory ?? ''], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
  }

  /** The process to kill in the end; null when it is gone already, as its id may soon be somebody else's. */
  mind(pid: number | null): void {
    this.shell.stdin!.write(`${pid ?? ''}\n`);
  }

  /** Does the work now. */
  async dismiss(): Promise<void> {
    if (this.shell.exitCode !== null) return;
    const gone = once(this.shell, 'exit');
    this.shell.stdin!.end();
    await gone;
  }
}
