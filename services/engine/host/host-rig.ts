/** A host, its scripted driver and one link on a virtual clock; for tests. */
import { VirtualClock } from '@reticle/core/flow';
import { EngineHost } from './engine-host.ts';
import { FakeDriver, type FakeDriverOptions } from './fake-driver.ts';
import { FakeLink } from './fake-link.ts';
import type { HostCount } from './ports.ts';

export const SESSION = 'a'.repeat(26);

export type Rig = {
  readonly clock: VirtualClock;
  readonly driver: FakeDriver;
  readonly host: EngineHost;
  readonly link: FakeLink;
  readonly counts: HostCount[];
};

/** The link has said Hello and opened session {@link SESSION} as sid 1 with full credit by default. */
export function rig(options: Partial<FakeDriverOptions> & { readonly ringTokens?: number } = {}): Rig {
  const { ringTokens, ...script } = options;
  const clock = new VirtualClock();
  const driver = new FakeDriver({ ...script, clock });
  const counts: HostCount[] = [];
  const host = new EngineHost({
    driver,
    clock,
    identity: { engineId: 'e'.repeat(26), region: 'local', replicaEpoch: 5 },
    observer: { count: (event) => counts.push(event), turnEnded: () => {} },
    ...(ringTokens === undefined ? {} : { ringTokens }),
  });
  const link = new FakeLink(host);
  link.open({ sid: 1, sessionId: SESSION, defaultCreditTokens: 8_192 });
  return { clock, driver, host, link, counts };
}
