/** P2: gateways die. */
import { failpoints, type FailpointName } from '@reticle/core/process';
import type { GatewayNode } from './cluster.ts';
import type { Scenario, Stage } from './scenario.ts';

const REACH_MS = 12_000;
/** Not the first hits, at which the process has hardly begun; the rarest place comes a few times a second. */
const HITS_MAX = 6;
const FROZEN_MS = 4_000;
const FROZEN_LOOK_MS = 20;
/** Both holders would die at it: no promise is made (PROMISES §1 rule 3). */
const NOT_ALONE: readonly FailpointName[] = ['gateway.failover'];

function places(): readonly FailpointName[] {
  const names = Object.keys(failpoints) as FailpointName[];
  return names.filter((name) => name.startsWith('gateway.') && !NOT_ALONE.includes(name));
}

/** Restarts one gateway with the failpoint armed, lets clients come to it, and waits until the fault is there. */
async function reach(
  { cluster, random, pause, missed }: Stage,
  { name, action, there }: { name: FailpointName; action: string; there: (gateway: GatewayNode) => Promise<boolean> },
): Promise<GatewayNode | undefined> {
  const gateway = cluster.gateways[Math.floor(random.unit() * cluster.gateways.length)];
  if (gateway === undefined) return undefined;
  await gateway.stop();
  const hit = 3 + Math.floor(random.unit() * HITS_MAX);
  await gateway.start(`${name}=${action}@${hit}`);
  if (await Promise.race([there(gateway), pause(REACH_MS).then(() => false)])) return gateway;
  missed(`${name} was not reached ${hit} times in ${REACH_MS} ms`);
  return undefined;
}

async function dieAt(stage: Stage, name: FailpointName): Promise<void> {
  await reach(stage, { name, action: 'kill', there: ({ exited }) => exited.then(() => true) });
}

/** As a freeze, at a place that is known: what it holds there it says four seconds late, to whoever still listens. */
async function freezeAt(stage: Stage, name: FailpointName): Promise<void> {
  const { mark, pause } = stage;
  const there = async ({ child }: GatewayNode): Promise<boolean> => {
    while (child.alive && !child.frozen) await pause(FROZEN_LOOK_MS);
    return child.frozen;
  };
  const gateway = await reach(stage, { name, action: 'stop', there });
  if (gateway === undefined) return;
  mark(`its gateway is frozen at ${name}`, (_, at) => at === gateway.index);
  await pause(FROZEN_MS);
  gateway.child.kill('SIGCONT');
}

export const gatewayScenarios: readonly Scenario[] = [
  {
    name: 'P2.kill',
    does: 'a gateway is killed',
    losesStreams: true,
    reconnectP99Ms: 2_000,
    inject: async ({ cluster, random, mark }) => {
      const gateway = cluster.gateways[Math.floor(random.unit() * cluster.gateways.length)];
      gateway?.child.kill('SIGKILL');
      mark('its gateway was killed', (_, at) => at === gateway?.index);
      await gateway?.exited;
    },
  },
  {
    name: 'P2.freeze',
    does: 'a gateway is frozen for four seconds and then goes on',
    silenceMs: 700,
    losesStreams: true,
    inject: async ({ cluster, random, mark, pause }) => {
      const gateway = cluster.gateways[Math.floor(random.unit() * cluster.gateways.length)];
      gateway?.child.kill('SIGSTOP');
      mark('its gateway is frozen', (_, at) => at === gateway?.index);
      await pause(FROZEN_MS);
      gateway?.child.kill('SIGCONT');
    },
  },
  {
    name: 'P2.all',
    does: 'every gateway is killed at once and started again',
    losesStreams: true,
    inject: async ({ cluster, mark }) => {
      for (const gateway of cluster.gateways) gateway.child.kill('SIGKILL');
      mark('every gateway was killed');
      await Promise.all(cluster.gateways.map((gateway) => gateway.exited));
      await Promise.all(cluster.gateways.map((gateway) => gateway.start()));
    },
  },
  ...places().map((name): Scenario => ({
    name: `P2.${name.slice('gateway.'.length)}`,
    does: `a gateway is killed where ${failpoints[name]}`,
    losesStreams: true,
    reconnectP99Ms: 2_000,
    failpoint: name,
    inject: (stage) => dieAt(stage, name),
  })),
  {
    name: 'P2.freeze-mid-frame',
    does: `a gateway is frozen where ${failpoints['gateway.mid-frame']}, and goes on four seconds later`,
    silenceMs: 700,
    losesStreams: true,
    failpoint: 'gateway.mid-frame',
    inject: (stage) => freezeAt(stage, 'gateway.mid-frame'),
  },
];
