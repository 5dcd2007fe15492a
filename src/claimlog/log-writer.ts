/**
 * Appends frames to one log: one write per batch, group commit by fdatasync.
 *
 * A log belongs to one life of one owner. It is never reopened for appending: the next life starts a new log, and the
 * old one is sealed (log-seal.ts). A failed write or sync therefore needs no repair here: it throws, or is reported by
 * the callback, the log is closed for good, and the owner starts over; sealing decides what of it was claimed.
 */
import assert from 'node:assert/strict';
import type { LogDisk } from './disk.ts';
import { sealFrame } from './frame.ts';
import { logDir, segmentPath } from './segment.ts';

export class LogWriter {
  readonly logId: number;
  private readonly disk: LogDisk;
  private readonly root: string;
  private readonly segmentBytesMax: number;
  private fd = -1;
  private segmentStart = 0;
  /** Files with bytes that no finished sync covers, oldest first. All but the last are complete. */
  private unsynced: number[] = [];
  private endOffset = 0;
  private syncedOffset = 0;
  private syncing = false;
  private abandoned = false;

  constructor(disk: LogDisk, root: string, logId: number, segmentBytesMax: number) {
    this.disk = disk;
    this.root = root;
    this.logId = logId;
    this.segmentBytesMax = segmentBytesMax;
    disk.makeDir(logDir(root, logId));
    this.openSegment();
    disk.syncDir(root);
  }

  /** Offset behind the last frame written. */
  get end(): number {
    return this.endOffset;
  }

  /** All frames below this offset survive a power cut. */
  get synced(): number {
    return this.syncedOffset;
  }

  get isSyncing(): boolean {
    return this.syncing;
  }

  /** Writes one frame whose `count` entries stand in `words` behind room for the header. Throws when the disk does. */
  append(words: Uint32Array, count: number): void {
    if (this.endOffset - this.segmentStart >= this.segmentBytesMax) this.openSegment();
    const length = sealFrame(words, count, this.logId, this.endOffset, this.syncedOffset);
    const bytes = new Uint8Array(words.buffer, words.byteOffset, length);
    this.disk.write(this.fd, bytes, this.endOffset - this.segmentStart);
    if (this.unsynced.at(-1) !== this.fd) this.unsynced.push(this.fd);
    this.endOffset += length;
  }

  /** Syncs all that was written until now; one at a time. `done` gets the new synced offset. */
  startSync(done: (error: Error | null) => void): void {
    assert(!this.syncing, 'one sync at a time');
    const target = this.endOffset;
    const files = this.unsynced;
    this.unsynced = [];
    if (files.length === 0) {
      done(null);
      return;
    }
    this.syncing = true;
    let left = files.length;
    let failure: Error | null = null;
    for (const fd of files) {
      this.disk.sync(fd, (error) => {
        failure ??= error;
        if (--left > 0) return;
        this.syncing = false;
        // Only now: a file may have been completed after its own sync, while another's was still running.
        for (const file of files) {
          if (file !== this.fd && !this.unsynced.includes(file)) this.disk.close(file);
        }
        if (failure === null) this.syncedOffset = target;
        if (this.abandoned) this.abandon();
        else done(failure);
      });
    }
  }

  /** Ends the log after a last frame that tells all before it is synced, so that sealing has nothing to copy. */
  close(): void {
    for (const fd of this.unsynced) {
      this.disk.syncNow(fd);
      if (fd !== this.fd) this.disk.close(fd);
    }
    this.unsynced = [];
    this.syncedOffset = this.endOffset;
    if (this.endOffset > 0) {
      this.append(new Uint32Array(16), 0);
      this.disk.syncNow(this.fd);
      this.syncedOffset = this.endOffset;
    }
    this.disk.close(this.fd);
    this.fd = -1;
  }

  /** Gives the files up, when this life is over and nothing can be promised any more. A running sync is waited for. */
  abandon(): void {
    this.abandoned = true;
    if (this.syncing || this.fd < 0) return;
    for (const fd of new Set([...this.unsynced, this.fd])) this.disk.close(fd);
    this.unsynced = [];
    this.fd = -1;
  }

  private openSegment(): void {
    const previous = this.fd;
    this.fd = this.disk.create(segmentPath(this.root, this.logId, this.endOffset));
    this.segmentStart = this.endOffset;
    this.disk.syncDir(logDir(this.root, this.logId));
    // A file that waits for its sync is closed after it (startSync); one that needs none is closed here.
    if (previous >= 0 && !this.unsynced.includes(previous) && !this.syncing) this.disk.close(previous);
  }
}
