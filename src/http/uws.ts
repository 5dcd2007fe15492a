/**
 * Finds uWebSockets.js, which is not on npm under its own name. Two places are tried, in this order: an installed
 * `uWebSockets.js` (the official way, from GitHub, for every platform), then the package that carries upstream's
 * binary for this Node on Linux x64 with glibc, which `npm ci` brings along. An operator needs to know which of
 * "nothing there" and "there, but the binary does not fit this system" it was: the two have different cures.
 */
import { createRequire } from 'node:module';
import type { Uws } from './uws-types.ts';

export type UwsFailure = 'not_installed' | 'does_not_load';

export class UwsLoadError extends Error {
  readonly failure: UwsFailure;

  constructor(failure: UwsFailure, message: string) {
    super(message);
    this.name = 'UwsLoadError';
    this.failure = failure;
  }
}

type Require = (name: string) => unknown;

/** Throws UwsLoadError; its message says what was tried and the command that installs the library. */
export function loadUws(
  requirePackage: Require = createRequire(import.meta.url),
  nodeVersion: string = process.versions.node,
): Uws {
  const major = Number.parseInt(nodeVersion, 10);
  const broken: string[] = [];
  const candidates = ['uWebSockets.js', `@uwsjs/linux-x64-${major}`];
  for (const name of candidates) {
    try {
      return requirePackage(name) as Uws;
    } catch (error) {
      if (!isMissing(error, name)) broken.push(`${name} does not load: ${(error as Error).message.trim()}`);
    }
  }
  const system = `Node ${nodeVersion} on ${process.platform}-${process.arch}`;
  const cure = `Install the official build from GitHub: ${installCommand(major)}`;
  if (broken.length === 0) {
    throw new UwsLoadError(
      'not_installed',
      `uWebSockets.js is not installed for ${system} (looked for ${candidates.join(', ')}). ${cure}`,
    );
  }
  throw new UwsLoadError(
    'does_not_load',
    `uWebSockets.js is installed but its binary does not fit ${system}, often an older glibc than it was built for. ` +
      `${broken.join('; ')}. ${cure}`,
  );
}

/** Upstream drops old Node releases as it goes: the last one that still carries Node 20 and 22 is named for them. */
function installCommand(nodeMajor: number): string {
  return `npm install uNetworking/uWebSockets.js#${nodeMajor <= 22 ? 'v20.51.0' : 'v20.69.0'}`;
}

/** Missing is only the package itself: a file missing inside an installed one, or ERR_DLOPEN_FAILED, is a broken one. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return code === 'MODULE_NOT_FOUND' && (message ?? '').includes(`'${name}'`);
}
