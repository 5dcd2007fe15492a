/** Where a server's program lies. Debian keeps some in /usr/sbin, which is not on everybody's PATH. */
import fs from 'node:fs';
import path from 'node:path';

const ALSO = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The path of the first of `names` that is there; throws naming them and the package that has them. */
export function findProgram(names: readonly string[], debianPackage: string): string {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), ...ALSO];
  for (const name of names)
    for (const folder of folders) {
      const file = path.join(folder, name);
      if (fs.existsSync(file)) return file;
    }
  throw new Error(
    `${names.join(' or ')} is not installed. On Debian: apt-get update && apt-get install -y ${debianPackage}`,
  );
}
