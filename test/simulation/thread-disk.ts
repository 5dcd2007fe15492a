/** The disk as one thread has it: nobody is called back once the thread is gone. */
import type { LogDisk } from '../../src/claimlog/disk.ts';

export function threadDisk(disk: LogDisk, isGone: () => boolean): LogDisk {
  return {
    makeDir: (path) => disk.makeDir(path),
    list: (path) => disk.list(path),
    create: (path) => disk.create(path),
    openRead: (path) => disk.openRead(path),
    size: (fd) => disk.size(fd),
    write: (fd, bytes, position) => disk.write(fd, bytes, position),
    read: (fd, into, position) => disk.read(fd, into, position),
    sync: (fd, done) =>
      disk.sync(fd, (error) => {
        if (!isGone()) done(error);
      }),
    syncNow: (fd) => disk.syncNow(fd),
    syncDir: (path) => disk.syncDir(path),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    removeDir: (path) => disk.removeDir(path),
    close: (fd) => disk.close(fd),
  };
}
