/**
 * Live stock figures: one look a tenth of a second at every watched activity, one publish when its figure or state
 * changed. The last change, down to the final 0, is therefore always told.
 */
import { activityState } from '../catalog/activity-state.ts';
import type { Activity, Template } from '../domain/template.ts';
import { encode, type Protocol } from './codec.ts';

const EVERY_MS = 100;

export interface StockWatchOptions {
  readonly activity: (activityId: number) => Activity | undefined;
  /** Of a known activity. */
  readonly template: (templateId: number) => Template;
  readonly remaining: (templateId: number, activityId: number) => number;
  readonly publish: (topic: string, message: string | Buffer, isBinary: boolean) => void;
  readonly now: () => number;
}

interface Watched {
  watchers: number;
  told: string;
}

export class StockWatch {
  private readonly options: StockWatchOptions;
  private readonly watched = new Map<number, Watched>();
  private timer: NodeJS.Timeout | null = null;

  constructor(options: StockWatchOptions) {
    this.options = options;
  }

  topic(activityId: number, protocol: Protocol): string {
    return `${protocol}/${activityId}`;
  }

  /** Begins to watch for one more socket; the message it gets at once, or null when there is no such activity. */
  add(activityId: number): Readonly<Record<string, unknown>> | null {
    const message = this.message(activityId);
    if (message === null) return null;
    const watched = this.watched.get(activityId);
    if (watched !== undefined) watched.watchers++;
    else this.watched.set(activityId, { watchers: 1, told: JSON.stringify(message) });
    this.timer ??= setInterval(() => this.look(), EVERY_MS);
    return message;
  }

  remove(activityId: number): void {
    const watched = this.watched.get(activityId);
    if (watched === undefined || --watched.watchers > 0) return;
    this.watched.delete(activityId);
    if (this.watched.size === 0) this.stop();
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  private look(): void {
    for (const [activityId, watched] of this.watched) {
      const message = this.message(activityId);
      if (message === null) continue;
      const text = JSON.stringify(message);
      if (text === watched.told) continue;
      watched.told = text;
      this.options.publish(this.topic(activityId, 'doorbuster.json'), text, false);
      this.options.publish(
        this.topic(activityId, 'doorbuster.msgpack'),
        encode('doorbuster.msgpack', message),
        true,
      );
    }
  }

  private message(activityId: number): Readonly<Record<string, unknown>> | null {
    const activity = this.options.activity(activityId);
    if (activity === undefined) return null;
    const remaining = this.options.remaining(activity.templateId, activityId);
    const state = activityState(activity, this.options.template(activity.templateId), this.options.now());
    return { op: 'stock', activityId: String(activityId), remaining, state };
  }
}
