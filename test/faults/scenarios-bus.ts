/** P4: the message bus is a hint, and its loss must not be visible to tokens. */
import type { Nats } from './nats.ts';
import type { Scenario, Stage } from './scenario.ts';

const OUTAGE_MS = 3_000;

function natsOf({ cluster }: Stage): Nats {
  if (cluster.nats === undefined) throw new Error('this scenario needs a nats-server');
  return cluster.nats;
}

function outage(name: string, does: string, inject: (nats: Nats, stage: Stage) => Promise<void>): Scenario {
  return {
    name,
    does,
    losesStreams: false,
    needsNats: true,
    inject: async (stage) => {
      const nats = natsOf(stage);
      stage.mark(does);
      await inject(nats, stage);
    },
  };
}

export const busScenarios: readonly Scenario[] = [
  outage('P4.kill', 'nats-server is killed and comes back empty three seconds later', async (nats, { pause }) => {
    await nats.end();
    await pause(OUTAGE_MS);
    await nats.start();
  }),
  outage('P4.freeze', 'nats-server is frozen for three seconds', async (nats, { pause }) => {
    nats.kill('SIGSTOP');
    await pause(OUTAGE_MS);
    nats.kill('SIGCONT');
  }),
  outage('P4.restart', 'nats-server is killed and started again at once, empty', async (nats) => {
    await nats.end();
    await nats.start();
  }),
  outage('P4.one-way', 'nobody on the bus is heard by nats-server', async (nats, { pause }) => {
    for (const proxy of nats.proxies) proxy.set('up', { drop: true });
    await pause(OUTAGE_MS);
    for (const proxy of nats.proxies) proxy.heal();
  }),
  outage('P4.deaf', 'nobody on the bus hears nats-server', async (nats, { pause }) => {
    for (const proxy of nats.proxies) proxy.set('down', { drop: true });
    await pause(OUTAGE_MS);
    for (const proxy of nats.proxies) proxy.heal();
  }),
  outage('P4.split', 'one process alone is cut off from nats-server, in silence', async (nats, { pause, random }) => {
    const proxy = nats.proxies[Math.floor(random.unit() * nats.proxies.length)];
    proxy?.set('both', { stall: true });
    await pause(OUTAGE_MS);
    proxy?.heal();
  }),
  outage(
    'P4.credentials',
    'nats-server comes back with users of its own and refuses everybody',
    async (nats, { pause }) => {
      await nats.end();
      await nats.start({ strangers: true });
      await pause(OUTAGE_MS);
      await nats.end();
      await nats.start();
    },
  ),
  outage('P4.and-engine', 'nats-server dies, and an engine with it', async (nats, { cluster, pause, random }) => {
    await nats.end();
    const engine = cluster.engines[Math.floor(random.unit() * cluster.engines.length)];
    engine?.child.kill('SIGKILL');
    await pause(OUTAGE_MS);
    await nats.start();
  }),
];
