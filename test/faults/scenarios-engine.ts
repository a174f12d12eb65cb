/** P3: engines die, hang, crawl. */
import { failpoints, type FailpointName } from '@reticle/core/process';
import type { Direction } from '../kit/fault-proxy.ts';
import type { GarblingFault } from '../kit/fault-proxy-pipe.ts';
import type { EngineNode } from './cluster.ts';
import type { Scenario, Stage } from './scenario.ts';

const STALL_P99_MS = 2_000;

function some({ cluster, random }: Stage): EngineNode {
  const engine = cluster.engines[Math.floor(random.unit() * cluster.engines.length)];
  if (engine === undefined) throw new Error('a cluster has engines');
  return engine;
}

function markServed({ mark }: Stage, engine: EngineNode, what: string): void {
  mark(what, (turn) => turn.replica === engine.id);
}

async function kill(stage: Stage, engine: EngineNode): Promise<void> {
  engine.child.kill('SIGKILL');
  markServed(stage, engine, `its engine ${engine.index} was killed`);
  await engine.exited;
}

const REACH_MS = 8_000;
const HITS_MAX = 12;

const places = (Object.keys(failpoints) as FailpointName[]).filter((name) => name.startsWith('engine.'));

/** Restarts an engine with the failpoint armed, lets sessions come to it, and waits for its death. */
async function dieAt(stage: Stage, name: FailpointName): Promise<void> {
  const engine = some(stage);
  await kill(stage, engine);
  const hit = 3 + Math.floor(stage.random.unit() * HITS_MAX);
  await engine.start(`${name}=kill@${hit}`);
  // Whom it serves is known until it dies, so the mark comes with the death and not after it.
  const died = engine.exited.then(() => {
    markServed(stage, engine, `its engine ${engine.index} died at ${name}`);
    return true;
  });
  if (await Promise.race([died, stage.pause(REACH_MS).then(() => false)])) return;
  stage.missed(`${name} was not reached ${hit} times in ${REACH_MS} ms`);
  await kill(stage, engine);
}

/** About what passes on a link in a few frames; gateways say little. */
const GARBLE_BYTES = { down: 2_000, up: 200 } as const;
const GARBLE_MS = 3_000;

/** Garbage once on every link to one engine that is used in that time; the engine lives. */
async function garble(stage: Stage, direction: Direction, fault: GarblingFault): Promise<void> {
  const engine = some(stage);
  const { proxy, index } = engine;
  const { wires } = proxy;
  proxy.tripAll(direction, { afterBytes: Math.floor(GARBLE_BYTES[direction] * stage.random.unit()), fault });
  markServed(stage, engine, `links to engine ${index} bring garbage`);
  await stage.pause(GARBLE_MS);
  if (wires.every(({ armed }) => armed)) stage.missed(`no link to engine ${index} brought garbage`);
}

function garbling(name: string, does: string, [direction, fault]: [Direction, GarblingFault]): Scenario {
  return {
    name,
    does,
    losesStreams: false,
    stallP99Ms: STALL_P99_MS,
    inject: (stage) => garble(stage, direction, fault),
  };
}

/** Of each session, one after the other, in a process that has tens of them. */
const FAILOVER_PAUSE_MS = 20;

export const engineScenarios: readonly Scenario[] = [
  {
    name: 'P3.kill',
    does: 'an engine is killed',
    losesStreams: false,
    stallP99Ms: STALL_P99_MS,
    inject: (stage) => kill(stage, some(stage)),
  },
  {
    name: 'P3.freeze',
    does: 'an engine is frozen (its sockets stay open) and thaws four seconds later',
    losesStreams: false,
    stallP99Ms: STALL_P99_MS,
    inject: async (stage) => {
      const engine = some(stage);
      engine.child.kill('SIGSTOP');
      markServed(stage, engine, `its engine ${engine.index} is frozen`);
      await stage.pause(4_000);
      engine.child.kill('SIGCONT');
    },
  },
  {
    name: 'P3.twice',
    does: 'an engine is killed, and half a second later the next one',
    losesStreams: false,
    stallP99Ms: 2 * STALL_P99_MS,
    inject: async (stage) => {
      const first = some(stage);
      await kill(stage, first);
      await stage.pause(500);
      const second = stage.cluster.engines.find((engine) => engine !== first && engine.child.alive);
      if (second !== undefined) await kill(stage, second);
    },
  },
  {
    name: 'P3.link-reset',
    does: 'the connections of every gateway to one engine are reset; the engine lives',
    losesStreams: false,
    stallP99Ms: STALL_P99_MS,
    inject: async (stage) => {
      const engine = some(stage);
      engine.proxy.resetAll();
      markServed(stage, engine, `links to engine ${engine.index} were reset`);
    },
  },
  {
    name: 'P3.link-silent',
    does: 'nothing passes between gateways and one engine for four seconds, and nobody is told',
    losesStreams: false,
    stallP99Ms: STALL_P99_MS,
    inject: async (stage) => {
      const engine = some(stage);
      engine.proxy.silence();
      markServed(stage, engine, `links to engine ${engine.index} are silent`);
      await stage.pause(4_000);
      engine.proxy.heal();
    },
  },
  {
    name: 'P3.link-one-way',
    does: 'an engine hears its gateways, and nothing it says arrives',
    losesStreams: false,
    stallP99Ms: STALL_P99_MS,
    inject: async (stage) => {
      const engine = some(stage);
      engine.proxy.set('down', { drop: true });
      markServed(stage, engine, `engine ${engine.index} is not heard`);
      await stage.pause(3_000);
      engine.proxy.heal();
    },
  },
  {
    name: 'P3.slow',
    does: 'one engine’s links are ten times slower and late (grey, not dead)',
    losesStreams: false,
    inject: async (stage) => {
      const engine = some(stage);
      engine.proxy.set('both', { latencyMs: 150, jitterMs: 100 });
      markServed(stage, engine, `links to engine ${engine.index} are slow`);
      await stage.pause(2_000);
      engine.proxy.heal();
    },
  },
  {
    name: 'P3.and-gateway',
    does: 'an engine dies while clients of one gateway lose their connections',
    losesStreams: true,
    stallP99Ms: 2 * STALL_P99_MS,
    inject: async (stage) => {
      await kill(stage, some(stage));
      stage.cluster.gateways[0]?.proxy.resetAll();
    },
  },
  garbling('P3.garbage', 'what an engine sends is broken by bytes that are no frame', ['down', 'garbage']),
  garbling('P3.garbage-up', 'what gateways send to an engine is broken by bytes that are no frame', ['up', 'garbage']),
  garbling('P3.garbled', 'between an engine’s messages comes one that is none', ['down', 'garbage-message']),
  garbling('P3.garbled-up', 'between messages to an engine comes one that is none', ['up', 'garbage-message']),
  {
    name: 'P3.slow-failover',
    does: `an engine is killed, and one gateway stands still for ${FAILOVER_PAUSE_MS} ms at each session where ${failpoints['gateway.failover']}`,
    losesStreams: true,
    stallP99Ms: 2 * STALL_P99_MS,
    failpoint: 'gateway.failover',
    inject: async (stage) => {
      const { cluster, pause } = stage;
      const [gateway] = cluster.gateways;
      await gateway?.stop();
      await gateway?.start(`gateway.failover=pause:${FAILOVER_PAUSE_MS}@*`);
      // Whoever lost it comes back.
      await pause(2_000);
      await kill(stage, some(stage));
      await pause(2_000);
      await gateway?.stop();
    },
  },
  ...places.map((name): Scenario => ({
    name: `P3.${name.slice('engine.'.length)}`,
    does: `an engine is killed where ${failpoints[name]}`,
    losesStreams: false,
    stallP99Ms: STALL_P99_MS,
    failpoint: name,
    inject: (stage) => dieAt(stage, name),
  })),
];
