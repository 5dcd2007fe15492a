/**
 * A disk that keeps only what was synced. Every file has its bytes as processes see them (the page cache) and the runs
 * of them that are durable; every directory has its names as seen, and a journal of changes that no sync covers yet.
 * A killed process loses nothing; a power cut loses all that is not durable, but for whatever happened to be written.
 * A failed sync leaves its bytes readable and clean: no later sync of the file writes them again.
 */
import type { LogDisk } from '../../src/claimlog/disk.ts';
import { type FaultCounts, Injected, Killed } from './faults.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';
import { cutFile, newFile, type SimFile } from './sim-file.ts';
import { SimNames } from './sim-names.ts';

export class SimDisk implements LogDisk {
  full = false;
  slow = false;
  writesToFail = 0;
  syncsToFail = 0;
  dirSyncsToFail = 0;
  /** Operations until the caller is killed inside one; negative: never. */
  killIn = -1;
  /** Callbacks of an earlier incarnation are not called: whoever waited is gone. */
  private incarnation = 0;
  private cuts = 0;
  private readonly open: (SimFile | null)[] = [null, null, null];
  private readonly names: SimNames;
  private readonly random: Random;
  private readonly scheduler: Scheduler;
  private readonly faults: FaultCounts;

  constructor(random: Random, scheduler: Scheduler, faults: FaultCounts, root: string) {
    this.random = random;
    this.scheduler = scheduler;
    this.faults = faults;
    this.names = new SimNames(root);
  }

  private operation(): void {
    if (this.killIn >= 0 && this.killIn-- === 0) {
      this.faults.seen('killedInDiskOperation');
      throw new Killed('killed in a disk operation');
    }
  }

  private file(fd: number): SimFile {
    const file = this.open[fd];
    if (file == null) throw new Error(`EBADF: ${fd}`);
    return file;
  }

  private find(filePath: string): SimFile {
    const file = this.names.find(filePath);
    if (file == null) throw new Error(`ENOENT: ${filePath}`);
    return file;
  }

  makeDir(dir: string): void {
    this.operation();
    this.names.makeDir(dir);
  }

  list(dir: string): string[] {
    return this.names.list(dir);
  }

  create(filePath: string): number {
    this.operation();
    if (this.names.find(filePath) !== undefined) throw new Error(`EEXIST: ${filePath}`);
    if (this.full && this.random.chance(0.3)) throw new Injected('ENOSPC');
    const file = newFile();
    this.names.put(filePath, file);
    return this.open.push(file) - 1;
  }

  openRead(filePath: string): number {
    return this.open.push(this.find(filePath)) - 1;
  }

  size(fd: number): number {
    return this.file(fd).size;
  }

  write(fd: number, bytes: Uint8Array, position: number): void {
    this.operation();
    const file = this.file(fd);
    if (position !== file.size) throw new Error(`written at ${position}, the file ends at ${file.size}`);
    if (this.full || this.writesToFail > 0) {
      if (this.full) this.faults.seen('diskFull');
      else {
        this.writesToFail--;
        this.faults.seen('writeFailed');
      }
      file.append(bytes.subarray(0, this.random.int(bytes.length + 1)));
      throw new Injected('the disk takes no more');
    }
    file.append(bytes);
  }

  read(fd: number, into: Uint8Array, position: number): number {
    const { bytes, size } = this.file(fd);
    const n = Math.max(0, Math.min(into.length, size - position));
    into.set(bytes.subarray(position, position + n));
    return n;
  }

  sync(fd: number, done: (error: Error | null) => void): void {
    const file = this.file(fd);
    const end = file.size;
    const { incarnation, cuts } = this;
    if (this.slow) this.faults.seen('slowDisk');
    const delayUs = this.slow ? this.random.between(20_000, 80_000) : this.random.skewed(100, 12_000);
    this.scheduler.later(delayUs, () => {
      if (this.cuts !== cuts) return;
      const error = this.finishSync(file, end);
      if (this.incarnation === incarnation) done(error);
    });
  }

  syncNow(fd: number): void {
    this.operation();
    const file = this.file(fd);
    const error = this.finishSync(file, file.size);
    if (error !== null) throw error;
  }

  private finishSync(file: SimFile, end: number): Error | null {
    if (this.syncsToFail > 0) {
      this.syncsToFail--;
      this.faults.seen('syncFailed');
      file.clean(end, false);
      return new Injected('EIO: sync');
    }
    file.clean(end, true);
    return null;
  }

  syncDir(dir: string): void {
    this.operation();
    if (this.dirSyncsToFail > 0) {
      this.dirSyncsToFail--;
      this.faults.seen('dirSyncFailed');
      throw new Injected('EIO: sync of a directory');
    }
    this.names.sync(dir);
  }

  rename(from: string, to: string): void {
    this.operation();
    const file = this.find(from);
    this.faults.seen('logCopied');
    this.names.put(to, file, from);
  }

  remove(filePath: string): void {
    this.operation();
    this.find(filePath);
    this.names.remove(filePath);
  }

  removeDir(dir: string): void {
    if (this.names.list(dir).length > 0) throw new Error(`ENOTEMPTY: ${dir}`);
    this.names.remove(dir);
  }

  close(fd: number): void {
    this.file(fd);
    this.open[fd] = null;
  }

  /** The process is gone: its files are closed and its callbacks forgotten; the kernel goes on writing. */
  processGone(): void {
    this.incarnation++;
    this.killIn = -1;
    this.open.length = 3;
  }

  powerCut(): void {
    this.cuts++;
    const pending = this.names.pending;
    const kept = this.random.chance(0.5) ? 0 : this.random.int(pending + 1);
    if (kept < pending) this.faults.seen('unsyncedNamesLost');
    for (const file of this.names.powerCut(kept)) cutFile(file, this.random, this.faults);
  }
}
