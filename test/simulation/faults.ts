/**
 * The faults of a run (PROMISES §3.3). A kind is switched on when the platform promises to bear it; each seed takes a
 * random part of the table at rates of its own, so that rare pairs meet.
 */
import type { Cluster } from './cluster.ts';
import type { Dice } from './seeds.ts';

type Strike = (cluster: Cluster, dice: Dice, nodes: readonly string[]) => void;

const anyOf = <T>(dice: Dice, from: readonly T[], act: (one: T) => void): void => {
  if (from.length > 0) act(dice.pick(from));
};

/** A link between two machines of the given kinds. */
function linkFault(
  cluster: Cluster,
  dice: Dice,
  ends: { readonly from: readonly string[]; readonly to: readonly string[] },
): void {
  const [from, to] = [dice.pick(ends.from), dice.pick(ends.to)];
  const forMs = dice.scaled(20, 5_000);
  if (dice.chance(0.5)) cluster.network.block(from, to, forMs);
  else {
    cluster.network.block(from, to, forMs);
    cluster.network.block(to, from, forMs);
  }
}

function nodesOf(cluster: Cluster): { gateways: string[]; engines: string[] } {
  return {
    gateways: cluster.gateways.map(({ spec }) => spec.node),
    engines: cluster.engines.map(({ spec }) => spec.node),
  };
}

function breakConnection(cluster: Cluster, dice: Dice, ends: { from: string; to: string }): void {
  const hit = cluster.network.connections.filter(({ between }) => between(ends.from, ends.to));
  anyOf(dice, hit, (connection) => {
    const deaf = dice.chance(0.2) ? dice.pick(['client', 'server'] as const) : 'none';
    connection.reset(deaf);
  });
}

const table = {
  'engine-crash': (cluster, dice) =>
    anyOf(dice, cluster.engines, (slot) => cluster.killEngine(slot, dice.scaled(50, 5_000))),
  'engine-pause': (cluster, dice) =>
    anyOf(dice, cluster.engines, ({ life }) => life.process.pause(dice.scaled(5, 4_000))),
  'engine-drain': (cluster, dice) =>
    anyOf(dice, cluster.engines, (slot) =>
      cluster.drainEngine(slot, { drainMs: dice.scaled(10, 3_000), downMs: dice.scaled(50, 2_000) }),
    ),
  'gateway-crash': (cluster, dice) =>
    anyOf(dice, cluster.gateways, (slot) => cluster.killGateway(slot, dice.scaled(50, 4_000))),
  'gateway-pause': (cluster, dice) =>
    anyOf(dice, cluster.gateways, ({ life }) => life.process.pause(dice.scaled(5, 4_000))),
  'link-reset': (cluster, dice) => breakConnection(cluster, dice, { from: 'gw', to: 'eng' }),
  'link-block': (cluster, dice) => {
    const { gateways: from, engines: to } = nodesOf(cluster);
    linkFault(cluster, dice, dice.chance(0.5) ? { from, to } : { from: to, to: from });
  },
  'link-slow': (cluster, dice) => {
    const { gateways, engines } = nodesOf(cluster);
    const by = { ms: dice.scaled(2, 400), forMs: dice.scaled(50, 4_000) };
    cluster.network.slow(dice.pick(engines), dice.pick(gateways), by);
  },
  'client-reset': (cluster, dice) => breakConnection(cluster, dice, { from: 'client', to: 'gw' }),
  'client-block': (cluster, dice, clients) => {
    const { gateways } = nodesOf(cluster);
    linkFault(cluster, dice, dice.chance(0.5) ? { from: gateways, to: clients } : { from: clients, to: gateways });
  },
  'client-slow': (cluster, dice, clients) => {
    const { gateways } = nodesOf(cluster);
    const by = { ms: dice.scaled(5, 1_000), forMs: dice.scaled(50, 5_000) };
    cluster.network.slow(dice.pick(gateways), dice.pick(clients), by);
  },
  'bus-loss': (cluster, dice) => {
    cluster.bus.faults.loss = dice.chance(0.5) ? 0 : dice.scaled(0.01, 0.9);
  },
  'bus-duplication': (cluster, dice) => {
    cluster.bus.faults.duplication = dice.chance(0.5) ? 0 : dice.scaled(0.01, 0.5);
  },
  'bus-lateness': (cluster, dice) => {
    cluster.bus.faults.lateness = dice.chance(0.5) ? 0 : dice.scaled(0.01, 0.5);
  },
  'bus-freeze': (cluster, dice) => cluster.bus.freeze(dice.scaled(10, 5_000)),
  'bus-crash': (cluster, dice) => cluster.bus.kill(dice.scaled(10, 5_000)),
  'bus-partition': (cluster, dice) => {
    const { gateways, engines } = nodesOf(cluster);
    linkFault(cluster, dice, { from: [...gateways, ...engines], to: ['bus'] });
  },
  'clock-jump': (cluster, dice) => {
    const all = [...cluster.gateways, ...cluster.engines];
    anyOf(dice, all, ({ life }) => life.process.jumpWall(dice.between(-20_000, 20_000)));
  },
  'loop-stall': (cluster, dice) => {
    for (const { life } of [...cluster.gateways, ...cluster.engines]) life.process.pause(dice.scaled(1, 60));
  },
} as const satisfies Readonly<Record<string, Strike>>;

export type FaultKind = keyof typeof table;
export const faultKinds = Object.keys(table) as FaultKind[];

/** Kinds that are not promised yet: the reason stands beside each. */
const NOT_YET: ReadonlySet<FaultKind> = new Set<FaultKind>([]);

export type Chaos = {
  readonly kinds: readonly FaultKind[];
  readonly meanMs: number;
  readonly untilMs: number;
};

/** A random part of the table; one seed in eight has no fault at all. */
export function drawChaos(dice: Dice, only: readonly FaultKind[] | undefined): Chaos {
  const ready = faultKinds.filter((kind) => !NOT_YET.has(kind));
  const share = dice.chance(0.125) ? 0 : dice.between(0.1, 0.7);
  const kinds = only ?? ready.filter(() => dice.chance(share));
  return { kinds, meanMs: dice.scaled(80, 2_000), untilMs: dice.between(3_000, 15_000) };
}

/** Strikes until the time is over; then the bus is well again, and what was blocked or down comes back by itself. */
export function unleash(
  cluster: Cluster,
  chaos: Chaos,
  more: { readonly dice: Dice; readonly clients: readonly string[]; readonly counts: Map<FaultKind, number> },
): void {
  const { world } = cluster;
  const { dice, clients, counts } = more;
  const next = (): void => {
    world.after(dice.between(0, 2 * chaos.meanMs), 'fault', () => {
      if (world.nowMs >= chaos.untilMs) {
        Object.assign(cluster.bus.faults, { loss: 0, duplication: 0, lateness: 0 });
        world.note('heal', '');
        return;
      }
      const kind = dice.pick(chaos.kinds);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      world.note('fault', kind);
      const strike: Strike = table[kind];
      strike(cluster, dice, clients);
      next();
    });
  };
  if (chaos.kinds.length > 0) next();
}
