/** Whoever can't start must be told why and what to install. */
import { describe, expect, it } from 'vitest';
import { loadUws, UwsLoadError } from '../../src/http/uws.ts';

function failing(code: string, message: (name: string) => string) {
  return (name: string): never => {
    throw Object.assign(new Error(message(name)), { code });
  };
}

function failureOf(load: () => unknown): UwsLoadError {
  try {
    load();
  } catch (error) {
    return error as UwsLoadError;
  }
  throw new Error('it loaded');
}

const missing = failing('MODULE_NOT_FOUND', (name) => `Cannot find module '${name}'`);

describe('loading uWebSockets.js', () => {
  it('prefers the one that was installed by hand', () => {
    const asked: string[] = [];
    const found = loadUws((name) => {
      asked.push(name);
      return { name };
    }, '22.1.0');
    expect(found).toEqual({ name: 'uWebSockets.js' });
    expect(asked).toEqual(['uWebSockets.js']);
  });

  it('takes the package for this Node otherwise', () => {
    const found = loadUws((name) => (name === '@uwsjs/linux-x64-22' ? { name } : missing(name)), '22.1.0');
    expect(found).toEqual({ name: '@uwsjs/linux-x64-22' });
  });

  it('tells that nothing is installed, with the command that installs it', () => {
    const error = failureOf(() => loadUws(missing, '20.20.2'));
    expect(error).toBeInstanceOf(UwsLoadError);
    expect(error.failure).toBe('not_installed');
    expect(error.message).toContain('npm install uNetworking/uWebSockets.js#v20.51.0');
  });

  it('tells that what is installed does not load', () => {
    const dlopen = failing('ERR_DLOPEN_FAILED', () => "version `GLIBC_2.38' not found");
    const error = failureOf(() =>
      loadUws((name) => (name.startsWith('@') ? dlopen(name) : missing(name)), '26.0.0'),
    );
    expect(error.failure).toBe('does_not_load');
    expect(error.message).toContain('GLIBC_2.38');
    expect(error.message).toContain('@uwsjs/linux-x64-26');
  });

  it('takes a file missing inside an installed package for a broken one', () => {
    const torn = failing('MODULE_NOT_FOUND', () => "Cannot find module './uws.node'");
    expect(failureOf(() => loadUws(torn, '20.20.2')).failure).toBe('does_not_load');
  });
});
