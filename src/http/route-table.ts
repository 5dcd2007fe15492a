/** Finds the route for a path. Routes are few and fixed, so they stand in one list per number of segments. */
import type { Method, RouteHead } from './route.ts';

interface Entry<Route extends RouteHead> {
  readonly segments: readonly string[];
  readonly methods: Map<Method, Route>;
}

export interface RouteMatch<Route extends RouteHead> {
  readonly methods: ReadonlyMap<Method, Route>;
  readonly params: Readonly<Record<string, string>>;
}

const DECIMAL_ID = /^(?:0|[1-9]\d{0,18})$/;

export class RouteTable<Route extends RouteHead> {
  readonly #byLength = new Map<number, Entry<Route>[]>();

  constructor(routes: readonly Route[]) {
    for (const route of routes) this.#add(route);
    // Literal segments before placeholders, whatever the order of declaration.
    for (const entries of this.#byLength.values()) entries.sort((a, b) => looseness(a) - looseness(b));
  }

  #add(route: Route): void {
    const segments = route.path.slice(1).split('/');
    const shape = segments.map(placeholderKind).join('/');
    const entries = this.#byLength.get(segments.length) ?? [];
    this.#byLength.set(segments.length, entries);
    let entry = entries.find((other) => other.segments.map(placeholderKind).join('/') === shape);
    if (entry === undefined) {
      entry = { segments, methods: new Map() };
      entries.push(entry);
    }
    if (entry.segments.join('/') !== segments.join('/'))
      throw new Error(`${route.path}: one path, two parameter names`);
    if (entry.methods.has(route.method)) throw new Error(`${route.method} ${route.path} is declared twice`);
    entry.methods.set(route.method, route);
  }

  find(path: string): RouteMatch<Route> | null {
    const parts = path.slice(1).split('/');
    for (const entry of this.#byLength.get(parts.length) ?? []) {
      const params = match(entry.segments, parts);
      if (params !== null) return { methods: entry.methods, params };
    }
    return null;
  }
}

function placeholderKind(segment: string): string {
  return segment.startsWith(':') || segment.startsWith('*') ? segment[0]! : segment;
}

function looseness(entry: Entry<RouteHead>): number {
  let score = 0;
  for (const segment of entry.segments) {
    score = score * 3 + (segment.startsWith('*') ? 2 : segment.startsWith(':') ? 1 : 0);
  }
  return score;
}

function match(segments: readonly string[], parts: readonly string[]): Record<string, string> | null {
  const params: Record<string, string> = {};
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i]!;
    const part = parts[i]!;
    if (segment.startsWith(':')) {
      if (!DECIMAL_ID.test(part)) return null;
      params[segment.slice(1)] = part;
    } else if (segment.startsWith('*')) {
      const text = decodeSegment(part);
      if (text === null) return null;
      params[segment.slice(1)] = text;
    } else if (segment !== part) {
      return null;
    }
  }
  return params;
}

function decodeSegment(part: string): string | null {
  try {
    return part === '' ? null : decodeURIComponent(part);
  } catch {
    return null;
  }
}
