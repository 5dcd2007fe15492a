/** Where compiled files are: the bench starts processes of its own, and worker files must be JavaScript. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

function packageRoot(): string {
  let at = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(at, 'package.json'))) {
    const up = path.dirname(at);
    if (up === at) throw new Error('package.json not found above the bench');
    at = up;
  }
  return at;
}

export const ROOT = packageRoot();

/** The same whether the caller runs from dist or from source (tests). */
export function compiled(file: string): string {
  return path.join(ROOT, 'dist', file);
}
