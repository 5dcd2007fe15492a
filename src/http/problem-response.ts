/** Refusals as `application/problem+json` (RFC 9457), and the one place where an HTTP status line is made. */
import { STATUS_CODES } from 'node:http';
import { PROBLEMS, type Problem, type ProblemCode } from '../problems.ts';

export const PROBLEM_TYPE_BASE = 'https://doorbuster.dev/problems/';
export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** When a refusal does not say how long to stay away. */
const RETRY_AFTER_S_DEFAULT = 1;

export function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? 'Status'}`;
}

export function problemType(code: ProblemCode): string {
  return PROBLEM_TYPE_BASE + code.replaceAll('_', '-');
}

/** Extras never replace the standard members: clients branch on those. */
export function problemBody({ code, detail, extra }: Problem): string {
  const { status, title } = PROBLEMS[code];
  return JSON.stringify({ ...extra, type: problemType(code), title, status, code, detail });
}

/** An extra `retryAfterS` (seconds) says how long; every 429 and 503 carries the header. */
export function problemHeaders({ code, extra }: Problem): Record<string, string> {
  const { status } = PROBLEMS[code];
  const headers: Record<string, string> = {};
  if (status === 429 || status === 503) {
    const seconds = extra?.retryAfterS;
    headers['Retry-After'] = String(
      typeof seconds === 'number' ? Math.max(1, Math.ceil(seconds)) : RETRY_AFTER_S_DEFAULT,
    );
  }
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer';
  return headers;
}
