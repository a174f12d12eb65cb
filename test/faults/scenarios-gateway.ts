/** P2: gateways die. */
import { failpoints, type FailpointName } from '@reticle/core/process';
import type { Scenario, Stage } from './scenario.ts';

const REACH_MS = 12_000;
/** Not the first hits, at which the process has hardly begun; the rarest place comes a few times a second. */
const HITS_MAX = 6;
/** Both holders would die at it: no promise is made (PROMISES §1 rule 3). */
const NOT_ALONE: readonly FailpointName[] = ['gateway.failover'];

function places(): readonly FailpointName[] {
  const names = Object.keys(failpoints) as FailpointName[];
  return names.filter((name) => name.startsWith('gateway.') && !NOT_ALONE.includes(name));
}

/** Restarts one gateway with the failpoint armed, lets clients come to it, and waits for its death. */
async function dieAt(stage: Stage, name: FailpointName): Promise<void> {
  const { cluster, random, pause, missed } = stage;
  const gateway = cluster.gateways[Math.floor(random.unit() * cluster.gateways.length)];
  if (gateway === undefined) return;
  await gateway.stop();
  const hit = 3 + Math.floor(random.unit() * HITS_MAX);
  await gateway.start(`${name}=kill@${hit}`);
  const died = await Promise.race([gateway.exited.then(() => true), pause(REACH_MS).then(() => false)]);
  if (!died) missed(`${name} was not reached ${hit} times in ${REACH_MS} ms`);
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
      await pause(4_000);
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
    inject: (stage) => dieAt(stage, name),
  })),
];
