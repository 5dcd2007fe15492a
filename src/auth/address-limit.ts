/**
 * Claims a second per client address, where the address is the peer's or, from a gateway that proves itself by its key,
 * the one it tells: the last of X-Forwarded-For. Whoever has no key could write anything there.
 *
 * A gateway that tells no address, or one that can't be read, is counted by its own: refusing would lose the claims of
 * a sale for a header that is not about them. It is said in the log, because then the gateway's users share one limit.
 */
import type { AddressRateLimiter } from './address-rate-limit.ts';
import type { HeaderReader } from './caller.ts';
import type { Authenticator } from './credentials.ts';
import { parseAddress } from './network-address.ts';

export interface AddressLimitOptions {
  readonly limiter: AddressRateLimiter;
  readonly authenticator: Pick<Authenticator, 'isGateway'>;
  readonly log: { warn(message: string): void };
}

export class AddressLimit {
  readonly #options: AddressLimitOptions;
  #told = false;

  constructor(options: AddressLimitOptions) {
    this.#options = options;
  }

  /** 4 or 16 bytes. `header` gives the last X-Forwarded-For; `peer` is asked only where it counts. */
  addressOf(header: HeaderReader, peer: () => ArrayBuffer): Uint8Array {
    if (this.#options.authenticator.isGateway(header)) {
      const list = header('x-forwarded-for');
      const address = parseAddress(list.slice(list.lastIndexOf(',') + 1));
      if (address !== null) return address;
      if (!this.#told) {
        this.#told = true;
        const what = list === '' ? 'no X-Forwarded-For' : 'an X-Forwarded-For that ends in no address';
        this.#options.log.warn(
          `RATE_LIMIT_ADDRESS: a gateway sends ${what}; its own address is counted for all of its users`,
        );
      }
    }
    return new Uint8Array(peer());
  }

  /** 0: admitted and counted. Otherwise refused, and so many whole milliseconds until one would be admitted. */
  admit(address: Uint8Array, nowMs: number): number {
    return this.#options.limiter.admit(address, nowMs);
  }
}
