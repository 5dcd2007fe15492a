/**
 * Makes the program that is run, dist/app: src/ and the JavaScript libraries it uses, in a few files of one directory. A
 * start reads some thirty files then instead of a thousand, in each of its threads.
 *
 * Left where they are installed: what has a binary, or a file of its own that a thread is started with.
 */
import fs from 'node:fs';
import path from 'node:path';
import { rolldown } from 'rolldown';

const OUT = 'dist/app';
const INSTALLED = ['libsql', 'msgpackr-extract', 'piscina', 'uWebSockets.js'];

const entries = fs.readdirSync('src/workers').filter((name) => name.endsWith('-entry.ts'));
const bundle = await rolldown({
  input: ['src/cli/main.ts', ...entries.map((name) => `src/workers/${name}`)],
  platform: 'node',
  external: INSTALLED,
});
fs.rmSync(OUT, { recursive: true, force: true });
await bundle.write({ dir: OUT, format: 'esm', entryFileNames: '[name].js', sourcemap: true });

// Read while running, from beside the module that reads them.
for (const name of fs.readdirSync('src', { recursive: true })) {
  if (!name.endsWith('.lua')) continue;
  fs.copyFileSync(path.join('src', name), path.join(OUT, path.basename(name)), fs.constants.COPYFILE_EXCL);
}
fs.copyFileSync('dist/src/cli/doorbuster.cjs', `${OUT}/doorbuster.cjs`);
