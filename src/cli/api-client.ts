/** Calls of the HTTP API. Whatever is not a success is thrown as CommandFailed, told the way a person reads it. */
import { CommandFailed, messageOf } from './failure.ts';
import type { ServerTarget } from './server-target.ts';

interface ProblemJson {
  readonly title?: string;
  readonly detail?: string;
  readonly code?: string;
  readonly errors?: readonly { readonly field: string; readonly problem: string; readonly allowed: string }[];
}

/** The JSON of the answer. A body of bytes is sent as it is, and is JSON unless said otherwise. */
export async function callApi(
  target: ServerTarget,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  contentType = 'application/json',
): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(target.url + path, {
      method,
      headers: {
        ...(target.token === null ? {} : { Authorization: `Bearer ${target.token}` }),
        ...(body === undefined ? {} : { 'Content-Type': contentType }),
      },
      ...(body === undefined ? {} : { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
    });
    text = await response.text();
  } catch (error) {
    throw unreachable(target, error);
  }
  if (!response.ok) {
    const refusal = refusalText(response.status, text, target);
    throw response.status >= 500 ? new ServerAway(refusal) : new CommandFailed(refusal);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandFailed(
      `${target.url}${path} answered ${response.status} with what is no JSON: is it a doorbuster?`,
    );
  }
}

/** It cannot be asked, or cannot answer, right now. */
export class ServerAway extends CommandFailed {}

/** A server that could not be asked at all. */
export function unreachable({ url }: ServerTarget, error: unknown): ServerAway {
  const { cause } = error as { cause?: unknown };
  const why = cause ?? error;
  const refused = (why as { code?: unknown }).code === 'ECONNREFUSED';
  const reason = refused ? 'connection refused; is the server running there?' : messageOf(why);
  return new ServerAway(`cannot reach ${url}: ${reason}`);
}

/** A problem answer (RFC 9457) in words; of any other answer, its status and beginning. */
export function refusalText(status: number, text: string, { url, token }: ServerTarget): string {
  const problem = readProblem(text);
  if (problem === null) return `${url} answered ${status}: ${text.slice(0, 200).trim() || 'no content'}`;
  const { title = 'Refused', detail, code, errors = [] } = problem;
  const lines = [`${title} (${code}, HTTP ${status})`];
  // The detail of a field error repeats the first few of the list below it.
  if (errors.length === 0) lines[0] += detail === undefined ? '' : `: ${detail}`;
  for (const one of errors) lines.push(`  ${one.field}: ${one.problem}; allowed: ${one.allowed}`);
  if (status === 401) {
    lines.push(
      `  ${token === null ? 'no token was given' : 'this token was not accepted'}: --token or DOORBUSTER_TOKEN`,
    );
  }
  return lines.join('\n');
}

function readProblem(text: string): ProblemJson | null {
  try {
    const value = JSON.parse(text) as ProblemJson | null;
    return typeof value?.code === 'string' ? value : null;
  } catch {
    return null;
  }
}
