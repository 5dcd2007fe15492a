/** What the connections of a job send: prepared before the run, so that the generator spends its core on sockets. */
import { ClaimRequest } from './claim-request.ts';
import type { ClosedLoopJob, OpenLoopJob, UserRange } from './jobs.ts';
import { postRequest } from './post-request.ts';

export interface Requests {
  /** Of one user on the connection of that place; its bytes stay until the next of that connection. */
  bytesFor(place: number, userId: number): Uint8Array;
}

export function requestsOf(job: ClosedLoopJob | OpenLoopJob): Requests {
  const { bodies, path, users } = job;
  return bodies === undefined ? new ClaimRequests(path) : new BodyRequests(path, users, bodies);
}

/** No body: one request a connection, in which the digits of the user are changed. */
class ClaimRequests implements Requests {
  readonly #path: string;
  readonly #requests: ClaimRequest[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** An answer proves that the bytes of the one before have left. */
  bytesFor(place: number, userId: number): Uint8Array {
    let request = this.#requests[place];
    if (request === undefined) {
      request = new ClaimRequest(this.#path);
      this.#requests[place] = request;
    }
    request.setUser(userId);
    return request.bytes;
  }
}

/** The body of each user, or one for all: few users, each with the whole request. */
export class BodyRequests implements Requests {
  readonly #first: number;
  readonly #requests: readonly Buffer[];

  constructor(path: string, users: UserRange, bodies: readonly string[]) {
    if (bodies.length !== 1 && bodies.length !== users.count)
      throw new Error(`${bodies.length} bodies for ${users.count} users`);
    this.#first = users.first;
    this.#requests = Array.from({ length: users.count }, (_, i) =>
      postRequest(path, { 'x-user-id': String(users.first + i) }, bodies[i % bodies.length]!),
    );
  }

  bytesFor(_place: number, userId: number): Uint8Array {
    return this.#requests[userId - this.#first]!;
  }
}
