/** The compiler takes only TypeScript along: puts the Lua scripts beside the modules that read them. */
import fs from 'node:fs';
import path from 'node:path';

for (const name of fs.readdirSync('src', { recursive: true })) {
  if (name.endsWith('.lua')) fs.copyFileSync(path.join('src', name), path.join('dist/src', name));
}
