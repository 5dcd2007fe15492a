/** Which browser origins may call: only those named in CORS_ORIGINS, compared as whole strings. */
const ALLOWED_REQUEST_HEADERS = 'authorization, content-type, idempotency-key, x-user-id';
const PREFLIGHT_SECONDS = '600';

export type CorsHeaders = Readonly<Record<string, string>>;

const NONE: CorsHeaders = {};

/** Headers of an ordinary answer. `Vary` also for origins that are refused: caches must not mix the two. */
export function corsHeaders(origin: string, allowedOrigins: ReadonlySet<string>): CorsHeaders {
  if (allowedOrigins.size === 0) return NONE;
  if (!allowedOrigins.has(origin)) return { Vary: 'Origin' };
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Expose-Headers': 'Retry-After, Location',
    Vary: 'Origin',
  };
}

/** Headers of the answer to OPTIONS, for a path that knows `methods`. */
export function preflightHeaders(
  origin: string,
  allowedOrigins: ReadonlySet<string>,
  methods: readonly string[],
): CorsHeaders {
  const headers = corsHeaders(origin, allowedOrigins);
  if (!allowedOrigins.has(origin)) return headers;
  return {
    ...headers,
    'Access-Control-Allow-Methods': methods.join(', '),
    'Access-Control-Allow-Headers': ALLOWED_REQUEST_HEADERS,
    'Access-Control-Max-Age': PREFLIGHT_SECONDS,
  };
}
