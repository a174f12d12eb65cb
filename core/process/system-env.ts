import type { Env } from './env.ts';
import { systemFailpoint } from './failpoint.ts';
import { systemClock } from './system-clock.ts';
import { systemDisk } from './system-disk.ts';
import { systemNet } from './system-net.ts';
import { systemRandom } from './system-random.ts';
import { systemSpawn } from './system-spawn.ts';

/** The machine itself. */
export function systemEnv(): Env {
  return {
    clock: systemClock,
    random: systemRandom,
    net: systemNet,
    disk: systemDisk,
    spawn: systemSpawn,
    failpoint: systemFailpoint(),
  };
}
