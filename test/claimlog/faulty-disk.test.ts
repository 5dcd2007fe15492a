import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileDisk, type LogDisk } from '../../src/claimlog/disk.ts';
import { faultyDisk, readFaults } from '../../src/claimlog/faulty-disk.ts';

let dir: string;
let control: string;
let disk: LogDisk;
let fd: number;

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'doorbuster-faults-'));
  control = path.join(dir, 'faults');
  disk = faultyDisk(fileDisk, control);
  fd = disk.create(path.join(dir, 'file'));
});

afterEach(() => {
  disk.close(fd);
  fs.rmSync(dir, { recursive: true });
});

const BYTES = Uint8Array.from({ length: 10 }, (_, i) => i);

function sync(): Promise<Error | null> {
  return new Promise((resolve) => disk.sync(fd, resolve));
}

test('without a control file, or with an empty one, nothing fails', async () => {
  expect(readFaults(control)).toEqual([]);
  disk.write(fd, BYTES, 0);
  fs.writeFileSync(control, '');
  disk.write(fd, BYTES, 10);
  disk.syncNow(fd);
  expect(await sync()).toBeNull();
  expect(disk.size(fd)).toBe(20);
});

test('a write fails with the code named, after half of its bytes, while the line stands there', () => {
  fs.writeFileSync(control, 'sync EIO\n  write   ENOSPC \n');
  expect(() => disk.write(fd, BYTES, 0)).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
  expect(disk.size(fd)).toBe(5);
  fs.writeFileSync(control, 'sync EIO\n');
  disk.write(fd, BYTES, 0);
  expect(disk.size(fd)).toBe(10);
});

test('a sync fails both ways, told later as a real one would be', async () => {
  fs.writeFileSync(control, 'sync EIO');
  expect(() => disk.syncNow(fd)).toThrow(expect.objectContaining({ code: 'EIO' }));
  let told = false;
  const outcome = sync().then((error) => {
    told = true;
    return error;
  });
  expect(told).toBe(false);
  expect(await outcome).toMatchObject({ code: 'EIO' });
  fs.rmSync(control);
  expect(await sync()).toBeNull();
});

test('all else is the real disk', () => {
  disk.write(fd, BYTES, 0);
  const into = new Uint8Array(20);
  const reader = disk.openRead(path.join(dir, 'file'));
  expect(disk.read(reader, into, 4)).toBe(6);
  expect([...into.subarray(0, 6)]).toEqual([4, 5, 6, 7, 8, 9]);
  disk.close(reader);
  expect(() => disk.create(path.join(dir, 'file'))).toThrow('EEXIST');
  expect(disk.list(path.join(dir, 'nothing'))).toEqual([]);
});
