/** The version of the package this file lies in, from source as well as built. */
import { readFileSync } from 'node:fs';

export function packageVersion(): string {
  for (const up of ['../../../', '../../']) {
    try {
      const text = readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8');
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === 'doorbuster' && version !== undefined) return version;
    } catch {}
  }
  return 'unknown';
}
