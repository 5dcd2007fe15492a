/** The directories of the simulated disk: names as processes see them, and a journal of changes no sync covers yet. */
import path from 'node:path';
import type { SimFile } from './sim-file.ts';

type Names = Map<string, SimFile | null>;

interface NameChange {
  readonly dir: string;
  readonly name: string;
  /** null: a directory; undefined: the name goes. */
  readonly file: SimFile | null | undefined;
  /** The old name of a renamed file, gone in the same step. */
  readonly from?: string;
}

export class SimNames {
  private dirs = new Map<string, Names>();
  private journal: NameChange[] = [];
  private readonly durable = new Map<string, Names>();
  private readonly root: string;

  constructor(root: string) {
    this.root = root;
    this.dirs.set(root, new Map());
    this.durable.set(root, new Map());
  }

  /** Changes that a power cut may take back. */
  get pending(): number {
    return this.journal.length;
  }

  find(filePath: string): SimFile | null | undefined {
    return this.dirs.get(path.dirname(filePath))?.get(path.basename(filePath));
  }

  list(dir: string): string[] {
    return [...(this.dirs.get(dir)?.keys() ?? [])];
  }

  makeDir(dir: string): void {
    if (this.dirs.has(dir)) return;
    this.change({ dir: path.dirname(dir), name: path.basename(dir), file: null });
    // Its own names may be durable before its name is.
    this.durable.set(dir, new Map());
  }

  /** `from`: the old name of a renamed file, in the same directory. */
  put(filePath: string, file: SimFile, from?: string): void {
    const change = { dir: path.dirname(filePath), name: path.basename(filePath), file };
    this.change(from === undefined ? change : { ...change, from: path.basename(from) });
  }

  remove(anyPath: string): void {
    this.change({ dir: path.dirname(anyPath), name: path.basename(anyPath), file: undefined });
  }

  private change(change: NameChange): void {
    applyChange(this.dirs, change);
    this.journal.push(change);
  }

  sync(dir: string): void {
    const left: NameChange[] = [];
    for (const change of this.journal) {
      if (change.dir === dir) applyChange(this.durable, change);
      else left.push(change);
    }
    this.journal = left;
  }

  /** The first `kept` pending changes happened to be written. Returns the files that are left. */
  powerCut(kept: number): SimFile[] {
    for (const change of this.journal.slice(0, kept)) applyChange(this.durable, change);
    this.journal = [];
    for (const dir of [...this.durable.keys()]) {
      if (dir !== this.root && this.durable.get(path.dirname(dir))?.get(path.basename(dir)) !== null) {
        this.durable.delete(dir);
      }
    }
    this.dirs = new Map(Array.from(this.durable, ([dir, names]) => [dir, new Map(names)]));
    return [...this.dirs.values()].flatMap((names) => [...names.values()].filter((file) => file !== null));
  }
}

function applyChange(dirs: Map<string, Names>, { dir, name, file, from }: NameChange): void {
  const names = dirs.get(dir);
  // Its directory never became durable, or is gone.
  if (names === undefined) return;
  if (from !== undefined) names.delete(from);
  if (file === undefined) {
    if (names.get(name) === null) dirs.delete(path.join(dir, name));
    names.delete(name);
  } else {
    names.set(name, file);
    if (file === null && !dirs.has(path.join(dir, name))) dirs.set(path.join(dir, name), new Map());
  }
}
