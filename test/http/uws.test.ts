/** Whoever can't start must be told why and what to install, and nothing is loaded that is not what was pinned. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadUws, UwsLoadError } from '../../src/http/uws.ts';
import { PINNED_BINARIES } from '../../src/http/uws-digests.ts';

const here = createRequire(import.meta.url);
const major = Number.parseInt(process.versions.node, 10);
const binary = PINNED_BINARIES[major];

/** A directory with packages as npm would have put them there. */
let home: string;
let require: NodeJS.Require;

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'doorbuster-uws-'));
  require = createRequire(path.join(home, 'index.js'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function install(name: string, files: Readonly<Record<string, string | Buffer>>): string {
  const directory = path.join(home, 'node_modules', name);
  mkdirSync(directory, { recursive: true });
  const main = files['index.js'] === undefined ? 'uws.node' : 'index.js';
  writeFileSync(path.join(directory, 'package.json'), JSON.stringify({ name, main }));
  for (const file in files) writeFileSync(path.join(directory, file), files[file]);
  return directory;
}

function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function failureOf(load: () => unknown): UwsLoadError {
  try {
    load();
  } catch (error) {
    if (error instanceof UwsLoadError) return error;
    throw error;
  }
  throw new Error('it loaded');
}

/** The binary that is installed for the Node this runs on, copied to where the test wants it. */
function copyReal(): string {
  const directory = install(binary.name, {});
  copyFileSync(here.resolve(`${binary.name}/uws.node`), path.join(directory, 'uws.node'));
  return path.join(directory, 'uws.node');
}

describe('loading uWebSockets.js', () => {
  it('prefers the one that was installed by hand, whatever it is', () => {
    install('uWebSockets.js', { 'index.js': "module.exports = { name: 'official' };" });
    copyReal();
    expect(loadUws({ require })).toEqual({ name: 'official' });
  });

  it('takes the package for this Node otherwise', () => {
    copyReal();
    expect(loadUws({ require }).App).toBeTypeOf('function');
    expect(loadUws({ require })).toBe(loadUws({ require }));
  });

  it('tells that nothing is installed, with the command that installs it', () => {
    const error = failureOf(() => loadUws({ require, nodeVersion: '20.20.2' }));
    expect(error.failure).toBe('not_installed');
    expect(error.message).toContain('npm install uNetworking/uWebSockets.js#v20.51.0');
    expect(error.message).toContain('@uwsjs/linux-x64-20');
  });

  it('has no package for a Node that none is pinned for, also when one is there', () => {
    install('@uwsjs/linux-x64-21', { 'uws.node': 'anything' });
    const error = failureOf(() => loadUws({ require, nodeVersion: '21.7.0' }));
    expect(error.failure).toBe('not_installed');
    expect(error.message).not.toContain('@uwsjs');
  });

  it('tells that what is installed does not load', () => {
    const bytes = 'no native module at all';
    install(binary.name, { 'uws.node': bytes });
    const pinned = { [major]: { ...binary, sha256: sha256(bytes) } };
    const error = failureOf(() => loadUws({ require, pinned }));
    expect(error.failure).toBe('does_not_load');
    expect(error.message).toContain(`${binary.name} does not load`);
  });

  it('takes a file missing inside an installed package for a broken one', () => {
    install(binary.name, {});
    expect(failureOf(() => loadUws({ require })).failure).toBe('does_not_load');
    rmSync(path.join(home, 'node_modules'), { recursive: true });
    install('uWebSockets.js', { 'index.js': "require('./uws_linux_x64_1.node');" });
    expect(failureOf(() => loadUws({ require })).failure).toBe('does_not_load');
  });
});

describe('a binary that is not the pinned one', () => {
  it('is not loaded: one bit is enough, and file and digests are named', () => {
    const file = copyReal();
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(file, bytes);
    const error = failureOf(() => loadUws({ require }));
    expect(error.failure).toBe('wrong_digest');
    for (const part of [file, binary.sha256, sha256(bytes), 'npm ci', 'uNetworking/uWebSockets.js#'])
      expect(error.message).toContain(part);
  });

  it('is not loaded by the JavaScript beside it either', () => {
    const mark = path.join(home, 'ran');
    install(binary.name, {
      'uws.node': 'changed',
      'index.js': `require('node:fs').writeFileSync(${JSON.stringify(mark)}, ''); module.exports = {};`,
    });
    expect(failureOf(() => loadUws({ require })).failure).toBe('wrong_digest');
    expect(() => readFileSync(mark)).toThrow('ENOENT');
  });
});

describe('what is pinned', () => {
  const root = path.join(import.meta.dirname, '../..');
  const json = (file: string) => JSON.parse(readFileSync(path.join(root, file), 'utf8'));
  const decision = readFileSync(path.join(root, 'docs/decisions/0006-pinned-binaries.md'), 'utf8');

  it.each(Object.entries(PINNED_BINARIES))('for Node %s: package, lock and decision agree', (node, pin) => {
    expect(pin.name).toBe(`@uwsjs/linux-x64-${node}`);
    expect(json('package.json').optionalDependencies[pin.name]).toBe(pin.version);
    const locked = json('package-lock.json').packages[`node_modules/${pin.name}`];
    expect(locked.version).toBe(pin.version);
    expect(locked.integrity).toMatch(/^sha512-/);
    const row = decision.split('\n').find((line) => line.includes(pin.sha256));
    for (const part of [pin.name, pin.version, pin.upstreamFile, pin.upstreamTag])
      expect(row).toContain(part);
  });

  it('every package that is installed has a digest in the lock', () => {
    const { '': _root, ...packages } = json('package-lock.json').packages;
    const bare = Object.keys(packages).filter((name) => !/^sha512-/.test(packages[name].integrity ?? ''));
    expect(bare).toEqual([]);
    expect(Object.keys(packages).length).toBeGreaterThan(50);
  });
});
