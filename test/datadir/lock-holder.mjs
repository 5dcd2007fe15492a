// Takes the lock of the directory given and keeps it until its stdin ends or it is killed.
import { lockDataDir } from '../../dist/src/datadir/lock.js';

const result = lockDataDir(process.argv[2]);
console.log(JSON.stringify(result.ok ? { ok: true } : result));
if (result.ok) process.stdin.resume();
