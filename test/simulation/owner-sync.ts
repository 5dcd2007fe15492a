/** Group commit of one owner: the sync of one batch overlaps the gathering of the next. */
import { Killed } from './faults.ts';
import type { OwnerLife } from './owner-life.ts';

/** With LOG_SYNC=os nobody waits for syncs, but the flusher may only take what is synced. */
const BACKGROUND_SYNC_US = 25_000;

export class OwnerSync {
  private readonly life: OwnerLife;
  private planned = false;

  constructor(life: OwnerLife) {
    this.life = life;
  }

  want(): void {
    const { life } = this;
    if (life.log!.isSyncing) return;
    if (life.process.world.syncsAlways) this.start();
    else if (!this.planned) {
      this.planned = true;
      life.process.later(BACKGROUND_SYNC_US, () => life.step(() => this.start()));
    }
  }

  start(): void {
    this.planned = false;
    const { life } = this;
    const log = life.log!;
    if (log.isSyncing || log.synced === log.end) return;
    const { world } = life.process;
    const before = log.synced;
    log.startSync((error) =>
      life.step(() => {
        if (error !== null && world.parts.endsWithFailedSync) throw error;
        life.synced = log.synced;
        life.process.flusher?.signal();
        if (world.syncsAlways) life.owner.release();
        // Without progress there is nothing to sync: only an owner that goes on after a failed sync gets there.
        if (log.synced < log.end && log.synced > before) this.want();
        if (life.stopping) life.tryStop();
      }),
    );
    if (life.dieAt === 'syncing') {
      world.faults.seen('ownerKilledSyncing');
      throw new Killed('with a sync in flight');
    }
  }
}
