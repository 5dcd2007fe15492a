/** The claim logs on this node's disk: sealed at a start, numbered on, and kept in mind for owners' rebuilds. */
import { fileDisk } from '../claimlog/disk.ts';
import { faultyDisk } from '../claimlog/faulty-disk.ts';
import { sealLog } from '../claimlog/log-seal.ts';
import { listLogs, logRoot } from '../claimlog/segment.ts';
import type { Config } from '../config.ts';
import type { Watermark } from '../ports.ts';
import type { Topology } from './topology.ts';

export class OwnLogs {
  readonly root: string;
  private readonly config: Config;
  private logs: number[] = [];
  private nextId = 1;

  constructor(config: Config) {
    this.config = config;
    this.root = logRoot(config.dataDir);
  }

  /** Those of earlier processes, and of the lives of owners begun so far. */
  get old(): readonly number[] {
    return this.logs;
  }

  /** Ends the logs of earlier processes and has them stored. Throws when one is damaged. */
  seal(topology: Topology, marks: readonly Watermark[]): void {
    const { dataDir, faultsPath } = this.config;
    const watermarks = new Map(marks.map(({ logId, offset }) => [logId, offset]));
    fileDisk.makeDir(this.root);
    fileDisk.syncDir(dataDir);
    const onDisk = listLogs(fileDisk, this.root);
    this.logs = topology.logsOf(onDisk);
    this.nextId = topology.nextLogId([...onDisk, ...watermarks.keys()]);
    const disk = faultsPath === null ? fileDisk : faultyDisk(fileDisk, faultsPath);
    for (const logId of this.logs) {
      const watermark = watermarks.get(logId) ?? 0;
      const from = Math.max(watermark, topology.logStart(disk, logId));
      topology.sink.ended(logId, sealLog(disk, this.root, logId, from), watermark);
    }
  }

  /** The id of a new life's log. Should that life end, the next one must read it too. */
  next(): number {
    const logId = this.nextId++;
    this.logs.push(logId);
    return logId;
  }
}
