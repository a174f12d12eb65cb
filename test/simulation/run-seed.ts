/** One seed: build, chaos, heal, converge, settle. */
import type { LocalChain } from '@reticle/core/domain';
import { OracleContext } from '../kit/oracle.ts';
import { SimClient } from './client.ts';
import type { ClientSpec, ClientSurroundings, Refused } from './client-spec.ts';
import { Cluster } from './cluster.ts';
import { expectations } from './expectations.ts';
import { drawChaos, unleash, type FaultKind } from './faults.ts';
import { drawScenario } from './scenario.ts';
import { settled } from './settled.ts';
import { World, type Violation } from './world.ts';

/** Simulated time within which everything must have come to an end once the faults are over. */
const CONVERGE_MS = 120_000;
/** Past the last idle time: sweeps, presence, links, keepalives. */
const SETTLE_MS = 32_000;

export type SeedOptions = {
  readonly trace?: (line: string) => void;
  /** These kinds of faults and no other. */
  readonly only?: readonly FaultKind[];
};

export type SeedResult = {
  readonly seed: number;
  readonly events: number;
  readonly simulatedMs: number;
  readonly hash: string;
  readonly faults: Readonly<Record<string, number>>;
  readonly turns: number;
  readonly tokens: number;
  /** Turns that ended FAILED and sessions that were given up, by code: each was allowed. */
  readonly lost: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
};

export async function runSeed(seed: number, { trace, only }: SeedOptions = {}): Promise<SeedResult> {
  const world = new World(seed, trace);
  const onRejection = (error: unknown): void => world.defect('a promise', error);
  process.on('unhandledRejection', onRejection);
  try {
    return await simulate(world, only);
  } finally {
    process.off('unhandledRejection', onRejection);
  }
}

async function simulate(world: World, only: readonly FaultKind[] | undefined): Promise<SeedResult> {
  const scenario = drawScenario(world.dice('scenario'));
  const cluster = new Cluster(world, scenario);
  const clients = scenario.clients.map((spec) => new SimClient(spec, surroundings(cluster, spec)));
  const counts = new Map<FaultKind, number>();
  const chaos = drawChaos(world.dice('chaos'), only);
  world.note(
    'scenario',
    `${scenario.gateways} gateways, ${scenario.chains.length} engines, ${clients.length} clients; ${chaos.kinds.join(' ')}`,
  );
  unleash(cluster, chaos, { dice: world.dice('strikes'), clients: scenario.clients.map(({ node }) => node), counts });
  const over = (): boolean => clients.every(({ state }) => state === 'over');
  await world.run(chaos.untilMs + CONVERGE_MS, over);
  if (world.violations.length === 0 && !over()) tellStuck(world, clients);
  const idleMs = Math.max(...scenario.clients.map(({ idleTtlMs }) => idleTtlMs));
  // An idle session is looked at once per idle time.
  await world.run(Math.max(world.nowMs, chaos.untilMs) + 2 * idleMs + SETTLE_MS);
  if (world.violations.length === 0) settled(cluster);
  return resultOf(world, clients, counts);
}

function surroundings(cluster: Cluster, spec: ClientSpec): ClientSurroundings {
  const { world, network } = cluster;
  return {
    world,
    network,
    gateways: () => cluster.gatewayAddresses(),
    root: () => rootOf(spec.chain, spec.prefix),
    mayEnd: (refused) => mayEnd(cluster, refused),
    hosts: cluster.hosts,
    gatewayDied: () => cluster.deaths.some(({ node }) => node.startsWith('gw-')),
  };
}

function rootOf(chain: LocalChain, prefix: readonly string[]): OracleContext {
  const root = OracleContext.root(chain);
  return prefix.length === 0 ? root : root.warmed(prefix.map((itemJson) => ({ itemJson })));
}

const GONE: ReadonlySet<string> = new Set(['session_not_found', 'resume_expired', 'engine_lost']);

/** What may end a session: its time, its gateway (without takeover), its engine (without failover), or both. */
function mayEnd({ world, deaths }: Cluster, refused: Refused): string | undefined {
  const { code, gatewayNode, sinceMs, idleTtlMs } = refused;
  if (!GONE.has(code)) return undefined;
  if (world.nowMs - sinceMs > 0.9 * idleTtlMs) return 'idle';
  const gatewayDied = deaths.some(({ node }) => node === gatewayNode);
  const engineDied = deaths.some(({ node }) => node.startsWith('eng-'));
  const alone = (!expectations.takeover && gatewayDied) || (!expectations.failover && engineDied);
  if (alone) return 'one of its holders died';
  return gatewayDied && engineDied ? 'gateway and engine died' : undefined;
}

function tellStuck(world: World, clients: readonly SimClient[]): void {
  for (const client of clients.filter(({ state }) => state !== 'over')) {
    const turns = client.liveTurns.map(({ turnId, position, plan }) => `${turnId} at ${position} of ${plan.maxTokens}`);
    client.violated('liveness', `still ${client.state} ${CONVERGE_MS} ms after the last fault: ${turns.join(', ')}`);
  }
  world.note('stuck', '');
}

function resultOf(world: World, clients: readonly SimClient[], counts: Map<FaultKind, number>): SeedResult {
  const lost: Record<string, number> = {};
  const count = (key: string): void => void (lost[key] = (lost[key] ?? 0) + 1);
  let turns = 0;
  let tokens = 0;
  for (const client of clients) {
    if (client.gaveUp !== undefined) count(`session ${client.gaveUp}`);
    for (const turn of client.turns.values()) {
      turns += 1;
      tokens += turn.position;
      if (turn.terminal?.status === 'failed') count(`turn ${turn.terminal.error?.code ?? ''}`);
    }
  }
  return {
    seed: world.seed,
    events: world.events,
    simulatedMs: Math.round(world.nowMs),
    hash: world.hash.digest,
    faults: Object.fromEntries(counts),
    turns,
    tokens,
    lost,
    violations: world.violations,
  };
}
