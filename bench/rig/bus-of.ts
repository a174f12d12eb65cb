import { systemEnv, type Logger } from '@reticle/core/process';
import { Secret } from '@reticle/core/process';
import { ChannelBus, connectNatsBus, type Bus } from '@reticle/services/bus';
import type { NatsAccess } from '@reticle/services/main';

/** The bus of a rig process: its server where it has access to one, else the channel to the bench. */
export async function busOf(access: NatsAccess | undefined, logger: Logger): Promise<Bus> {
  const { clock, random, spawn } = systemEnv();
  if (access !== undefined) {
    const { servers, seed } = access;
    return await connectNatsBus({ servers, seed: new Secret(seed), clock, random, logger });
  }
  const parent = spawn.parent();
  if (parent === undefined) throw new Error('this process is forked by the bench');
  return new ChannelBus(parent, clock);
}
