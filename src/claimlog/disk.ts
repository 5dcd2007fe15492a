/**
 * The disk as the claim log sees it: a port, because the simulation puts one under it that tears writes, fails syncs
 * and forgets what was never synced. Everything throws on failure except `sync`, which reports to its callback.
 */
import fs from 'node:fs';

export interface LogDisk {
  makeDir(path: string): void;
  /** Names in a directory; empty when it does not exist. */
  list(path: string): string[];
  /** A new, empty file for appending; fails when it exists. */
  create(path: string): number;
  openRead(path: string): number;
  size(fd: number): number;
  /** Writes all of `bytes` at `position` or throws. */
  write(fd: number, bytes: Uint8Array, position: number): void;
  /** Reads up to `into.length` bytes; returns how many. */
  read(fd: number, into: Uint8Array, position: number): number;
  sync(fd: number, done: (error: Error | null) => void): void;
  syncNow(fd: number): void;
  /** Makes the names in a directory durable. */
  syncDir(path: string): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  removeDir(path: string): void;
  close(fd: number): void;
}

export const fileDisk: LogDisk = {
  makeDir: (path) => {
    fs.mkdirSync(path, { recursive: true });
  },
  list: (path) => (fs.existsSync(path) ? fs.readdirSync(path) : []),
  create: (path) => fs.openSync(path, 'wx', 0o600),
  openRead: (path) => fs.openSync(path, 'r'),
  size: (fd) => fs.fstatSync(fd).size,
  write: (fd, bytes, position) => {
    // A write may be partial, most of all when the disk is about to be full; the next one then says why.
    for (let done = 0; done < bytes.length; ) {
      done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
    }
  },
  read: (fd, into, position) => {
    let done = 0;
    while (done < into.length) {
      const n = fs.readSync(fd, into, done, into.length - done, position + done);
      if (n === 0) break;
      done += n;
    }
    return done;
  },
  sync: (fd, done) => fs.fdatasync(fd, done),
  syncNow: (fd) => fs.fdatasyncSync(fd),
  syncDir: (path) => {
    const fd = fs.openSync(path, 'r');
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  },
  rename: (from, to) => fs.renameSync(from, to),
  remove: (path) => fs.unlinkSync(path),
  removeDir: (path) => fs.rmdirSync(path),
  close: (fd) => fs.closeSync(fd),
};
