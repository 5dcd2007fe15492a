/** When a run is over: every answer is in, something broke, or the server owes answers for too long. */

/** A request unanswered this long after the last one was sent is lost, not slow. */
const PATIENCE_SECONDS = 30;

export class RunEnd {
  readonly #promise: Promise<void>;
  #resolve: () => void = () => {};
  #reject: (error: Error) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  /** Nothing may be sent any more. */
  over = false;

  constructor() {
    this.#promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A failure before anyone waits is reported when someone does.
    this.#promise.catch(() => {});
  }

  finish(): void {
    this.over = true;
    clearTimeout(this.#timer);
    this.#resolve();
  }

  fail(error: Error): void {
    this.over = true;
    clearTimeout(this.#timer);
    this.#reject(error);
  }

  /** Resolves when the run has finished; `owed` counts unanswered requests for the message when patience ends. */
  async within(seconds: number, owed: () => number): Promise<void> {
    this.#timer = setTimeout(
      () => this.fail(new Error(`${owed()} requests were never answered`)),
      (seconds + PATIENCE_SECONDS) * 1000,
    );
    await this.#promise.finally(() => clearTimeout(this.#timer));
  }
}
