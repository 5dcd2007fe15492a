/**
 * Messages sent within one turn of the event loop as one message: each costs a copy of its own and wakes the thread at the
 * other end. They arrive in the order in which they were sent.
 */
import type { MessagePort } from 'node:worker_threads';

export class Gathering<Message> {
  private readonly port: MessagePort;
  private readonly schedule: (flush: () => void) => void;
  private readonly refused: (message: Message, error: unknown) => void;
  private messages: Message[] = [];

  /**
   * `schedule`: runs what it is given at the end of this turn. `refused`: a message that cannot be copied; those around it
   * are sent. What a message holds must not change before it is sent.
   */
  constructor(
    port: MessagePort,
    schedule: (flush: () => void) => void,
    refused: (message: Message, error: unknown) => void,
  ) {
    this.port = port;
    this.schedule = schedule;
    this.refused = refused;
  }

  send(message: Message): void {
    this.messages.push(message);
    if (this.messages.length === 1) this.schedule(() => this.flush());
  }

  flush(): void {
    const messages = this.messages;
    if (messages.length === 0) return;
    this.messages = [];
    try {
      this.port.postMessage(messages);
    } catch {
      // One of them cannot travel, and takes nothing with it: nothing was sent.
      for (const message of messages) this.sendAlone(message);
    }
  }

  private sendAlone(message: Message): void {
    try {
      this.port.postMessage([message]);
    } catch (error) {
      this.refused(message, error);
    }
  }
}
