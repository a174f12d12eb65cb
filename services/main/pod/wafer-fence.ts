import { join } from 'node:path';
import { assert, ReticleError } from '@reticle/core/domain';
import type { Disk } from '@reticle/core/process';

/** What a host keeps of one of its wafers, over restarts of pods and of itself. */
type Kept = {
  /** The highest epoch that a pod took the wafer with. */
  readonly epoch: number;
  /** How often it was taken with that epoch. */
  readonly starts: number;
};

export type Taking = { readonly hardwareId: string; readonly epoch: number };

const HARDWARE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;
const MODE = 0o600;
const FIRST: Kept = { epoch: 0, starts: 0 };

/**
 * Takes a wafer for an epoch. The folder is the host's and outlives pods: a pod that was forgotten on an unreachable
 * node, or was started from an older plan, finds a higher epoch there and must not run (OPERATOR §10).
 *
 * @returns how often the wafer was taken with this epoch, this time included
 * @throws ReticleError `epoch_stale` when a higher epoch had the wafer
 */
export async function takeWafer(disk: Disk, folder: string, { hardwareId, epoch }: Taking): Promise<number> {
  assert(HARDWARE_ID.test(hardwareId), 'a hardware id is a name');
  const path = join(folder, `${hardwareId}.json`);
  const kept = (await disk.exists(path)) ? keptOf(await disk.readText(path), path) : FIRST;
  if (kept.epoch > epoch) {
    throw new ReticleError('epoch_stale', 'the wafer was taken with a higher epoch', {
      details: { wafer: hardwareId, epoch: String(epoch), taken: String(kept.epoch) },
    });
  }
  const starts = kept.epoch === epoch ? kept.starts + 1 : 1;
  await disk.writeText(path, JSON.stringify({ epoch, starts } satisfies Kept), MODE);
  return starts;
}

/** A fence that cannot be read is no open door: the host's operator must look. */
function keptOf(text: string, path: string): Kept {
  try {
    const { epoch, starts } = JSON.parse(text) as Partial<Kept>;
    if (Number.isSafeInteger(epoch) && Number.isSafeInteger(starts)) return { epoch, starts } as Kept;
  } catch {
    // Told like any other text that is no fence.
  }
  throw new ReticleError(
    'internal',
    `the wafer's epoch cannot be read (look at ${path}, or remove it once no pod runs)`,
  );
}
