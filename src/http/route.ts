/**
 * What a route declares and what its handler sees. Handlers are plain async functions from a checked request to an
 * answer or a problem; they never touch the socket.
 */
import type { z } from 'zod';
import type { Caller } from '../auth/caller.ts';
import type { Problem } from '../problems.ts';

/** Operators may do what services may; users are only themselves. actor: a user, or a service that names one. */
export type Access = 'public' | 'user' | 'actor' | 'service' | 'operator';
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export type Answer =
  | { readonly status: number; readonly json?: unknown; readonly headers?: Readonly<Record<string, string>> }
  | {
      readonly status: number;
      readonly content: string | Uint8Array;
      readonly contentType: string;
      readonly headers?: Readonly<Record<string, string>>;
    };

/** What a handler returns. */
export type Reply = Promise<Answer | Problem>;

export interface Ctx<Body = unknown, Query = unknown> {
  /** As in the path; decimal ids are not bounded yet, see `idParam`. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
  /** The first header of that name, or ''. */
  readonly header: (lowerCaseName: string) => string;
  readonly nowMs: number;
}

/**
 * A schema for JSON, of which no body is taken for `{}` if that passes; 'bytes' for the raw body; null where none is
 * taken (an empty one or `{}` passes).
 */
export type BodyKind = z.ZodType | 'bytes' | null;
type BodyOf<B> = B extends z.ZodType ? z.output<B> : B extends 'bytes' ? Buffer : null;
type QueryOf<Q> = Q extends z.ZodType ? z.output<Q> : Record<string, never>;

/** What whoever holds the socket goes by: plain values. */
export interface RouteHead {
  readonly method: Method;
  /** `/v1/templates/:templateId/publish`: `:name` is a decimal id, `*name` any one segment, percent-decoded. */
  readonly path: string;
  readonly access: Access;
  /** When other than BODY_BYTES_MAX. */
  readonly bodyBytesMax?: number;
}

export interface Route extends RouteHead {
  readonly body: BodyKind;
  readonly query: z.ZodType | null;
  readonly handle: (ctx: Ctx) => Reply;
}

export interface RouteSpec<B extends BodyKind, Q extends z.ZodType | null> {
  readonly method: Method;
  readonly path: string;
  readonly access: Access;
  readonly body?: B;
  readonly query?: Q;
  readonly bodyBytesMax?: number;
  readonly handle: (ctx: Ctx<BodyOf<B>, QueryOf<Q>>) => Reply;
}

export function headOf({ method, path, access, bodyBytesMax }: Route): RouteHead {
  return { method, path, access, ...(bodyBytesMax === undefined ? {} : { bodyBytesMax }) };
}

/** Ties the handler's types to its schemas, then forgets them: the router checks before it calls. */
export function route<B extends BodyKind = null, Q extends z.ZodType | null = null>(
  spec: RouteSpec<B, Q>,
): Route {
  return {
    ...spec,
    body: spec.body ?? null,
    query: spec.query ?? null,
    handle: spec.handle as (ctx: Ctx) => Reply,
  };
}

/** The id in the path, or null when it can't be one of ours: callers answer `not_found`. */
export function idParam(ctx: Pick<Ctx, 'params'>, name: string, max: number): number | null {
  const id = Number(ctx.params[name]);
  return Number.isSafeInteger(id) && id >= 1 && id <= max ? id : null;
}
