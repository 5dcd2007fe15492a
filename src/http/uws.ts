/**
 * Finds uWebSockets.js, which is not on npm under its own name. Two places are tried, in this order: an installed
 * `uWebSockets.js` (the official way, from GitHub, for every platform; whoever installs it has chosen it), then the
 * package that carries the binary for this Node on Linux x64 with glibc, which `npm ci` brings along. Of that only the
 * binary is loaded, and only with the digest that is pinned in uws-digests.ts. An operator needs to know which of
 * "nothing there", "there, but the binary does not fit this system" and "there, but another one" it was: they have
 * different cures.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PINNED_BINARIES, type PinnedBinary } from './uws-digests.ts';
import type { Uws } from './uws-types.ts';

export type UwsFailure = 'not_installed' | 'does_not_load' | 'wrong_digest';

export class UwsLoadError extends Error {
  readonly failure: UwsFailure;

  constructor(failure: UwsFailure, message: string) {
    super(message);
    this.name = 'UwsLoadError';
    this.failure = failure;
  }
}

/** A require function: loads by name or path, and finds the file a name stands for. */
export interface Require {
  (name: string): unknown;
  resolve(name: string): string;
}

export interface LoadOptions {
  readonly require?: Require;
  readonly nodeVersion?: string;
  readonly pinned?: Readonly<Record<number, PinnedBinary>>;
  /** Another thread of this process has looked at the binary and loaded it: it is the same one that is loaded again. */
  readonly isLoaded?: boolean;
}

/** Throws UwsLoadError; its message says what was tried and the command that installs the library. */
export function loadUws(options: LoadOptions = {}): Uws {
  const {
    require = createRequire(import.meta.url),
    nodeVersion = process.versions.node,
    pinned = PINNED_BINARIES,
    isLoaded = false,
  } = options;
  const major = Number.parseInt(nodeVersion, 10);
  const broken: string[] = [];
  const binary = pinned[major];
  const candidates = [
    { name: 'uWebSockets.js', load: () => require('uWebSockets.js') },
    ...(binary === undefined
      ? []
      : [{ name: binary.name, load: () => loadPinned(require, binary, installCommand(major), isLoaded) }]),
  ];
  for (const { name, load } of candidates) {
    try {
      return load() as Uws;
    } catch (error) {
      if (error instanceof UwsLoadError) throw error;
      if (!isMissing(error, name)) broken.push(`${name} does not load: ${(error as Error).message.trim()}`);
    }
  }
  const system = `Node ${nodeVersion} on ${process.platform}-${process.arch}`;
  const cure = `Install the official build from GitHub: ${installCommand(major)}`;
  if (broken.length === 0) {
    const names = candidates.map(({ name }) => name).join(', ');
    throw new UwsLoadError(
      'not_installed',
      `uWebSockets.js is not installed for ${system} (looked for ${names}). ${cure}`,
    );
  }
  throw new UwsLoadError(
    'does_not_load',
    `uWebSockets.js is installed but its binary does not fit ${system}, often an older glibc than it was built for. ` +
      `${broken.join('; ')}. ${cure}`,
  );
}

/** Looked at, and in this process for good. */
const loaded = new Set<string>();

/**
 * Looks before it loads: a native module runs as soon as it is opened. The package's own JavaScript is left out, it
 * only hands the binary on.
 */
function loadPinned(require: Require, binary: PinnedBinary, command: string, isLoaded: boolean): unknown {
  const file = path.join(path.dirname(require.resolve(`${binary.name}/package.json`)), 'uws.node');
  if (isLoaded || loaded.has(file)) return require(file);
  const found = createHash('sha256').update(readFileSync(file)).digest('hex');
  if (found === binary.sha256) {
    const library = require(file);
    loaded.add(file);
    return library;
  }
  throw new UwsLoadError(
    'wrong_digest',
    `${file} is not the binary of ${binary.name}@${binary.version} that this version was made with, so it is not ` +
      `loaded: SHA-256 expected ${binary.sha256}, found ${found}. Install again with npm ci; if that does not help, ` +
      `find out who changed it, or take the official build from GitHub: ${command}`,
  );
}

/** Upstream drops old Node releases as it goes: the last one that still carries Node 20 and 22 is named for them. */
function installCommand(nodeMajor: number): string {
  return `npm install uNetworking/uWebSockets.js#${nodeMajor <= 22 ? 'v20.51.0' : 'v20.69.0'}`;
}

/** Missing is only the package itself: a file missing inside an installed one, or ERR_DLOPEN_FAILED, is a broken one. */
function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as { code?: string; message?: string };
  if (code !== 'MODULE_NOT_FOUND' || message === undefined) return false;
  return message.includes(`'${name}'`) || message.includes(`'${name}/package.json'`);
}
