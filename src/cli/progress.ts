/**
 * How far long work is, on stderr: on a terminal one line that redraws itself, elsewhere (CI, a log file) a plain
 * line now and then.
 */
const REDRAW_MS = 100;
const LINE_EVERY_MS = 5_000;
const BAR_CHARS = 24;

export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export class Progress {
  private readonly label: string;
  private readonly to: ProgressStream;
  private readonly now: () => number;
  private shownAtMs: number;

  constructor(
    label: string,
    to: ProgressStream = process.stderr,
    now: () => number = () => performance.now(),
  ) {
    this.label = label;
    this.to = to;
    this.now = now;
    // A terminal sees it at once; elsewhere short work needs no line at all.
    this.shownAtMs = to.isTTY ? Number.NEGATIVE_INFINITY : now();
  }

  /** `share` of the work done, 0 to 1; `note` is only made when it is shown. */
  update(share: number, note: () => string): void {
    const nowMs = this.now();
    if (nowMs - this.shownAtMs < (this.to.isTTY ? REDRAW_MS : LINE_EVERY_MS)) return;
    this.shownAtMs = nowMs;
    const percent = `${Math.floor(share * 100)}`.padStart(3);
    if (!this.to.isTTY) {
      this.to.write(`${this.label}:${percent} %, ${note()}\n`);
      return;
    }
    const full = Math.round(share * BAR_CHARS);
    const bar = '#'.repeat(full) + '.'.repeat(BAR_CHARS - full);
    this.to.write(`\r\u001b[K${this.label} [${bar}]${percent} %  ${note()}`);
  }

  /** Clears the line, so that what follows starts at its beginning. */
  end(): void {
    if (this.to.isTTY) this.to.write('\r\u001b[K');
  }
}
