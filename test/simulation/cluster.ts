import { base32, RANDOM_ID_BYTES, type LocalChain } from '@reticle/core/domain';
import { EngineProcess, type EngineSpec, type EngineSurroundings } from './engine-process.ts';
import { FrontWatch, type Hosts } from './front-watch.ts';
import { listenForClients } from './front-wire.ts';
import { GatewayProcess, type GatewaySpec } from './gateway-process.ts';
import { LinkWatch } from './link-watch.ts';
import { Network } from './network.ts';
import { SimBus } from './sim-bus.ts';
import type { World } from './world.ts';

export const REGION = 'sim-1';

export type Shape = { readonly gateways: number; readonly chains: readonly LocalChain[] };

/** When a life of a process ended, for the question what may be lost. */
export type Death = { readonly node: string; readonly atMs: number };

type Slot<Spec, Life> = { readonly spec: Spec; lives: number; life: Life };

/** The machines and what runs on them. A process that was killed comes back as another life. */
export class Cluster {
  readonly world: World;
  readonly network: Network;
  readonly bus: SimBus;
  readonly linkWatch: LinkWatch;
  readonly frontWatch: FrontWatch;
  readonly engines: Slot<EngineSpec, EngineProcess>[] = [];
  readonly gateways: Slot<GatewaySpec, GatewayProcess>[] = [];
  /** Every life that a gateway had. */
  readonly gatewayLives: GatewayProcess[] = [];
  readonly deaths: Death[] = [];
  #down = 0;

  constructor(world: World, { gateways, chains }: Shape) {
    this.world = world;
    this.network = new Network(world);
    this.bus = new SimBus(world, this.network);
    this.linkWatch = new LinkWatch(world);
    this.frontWatch = new FrontWatch(world, this.hosts);
    const dice = world.dice('cluster');
    const newId = (): string => base32(dice.random.bytes(RANDOM_ID_BYTES));
    const cellKey = { kid: 'k1', key: dice.random.bytes(32) };
    for (let index = 1; index <= gateways; index++) {
      const spec = { node: `gw-${index}`, gatewayId: newId(), region: REGION, cellKey };
      this.gateways.push({ spec, lives: 1, life: this.#gateway(spec, 1) });
    }
    for (const [index, chain] of chains.entries()) {
      const spec = { node: `eng-${index + 1}`, engineId: newId(), region: REGION, chain, cellKey };
      this.engines.push({ spec, lives: 1, life: new EngineProcess(spec, 1, this.#surroundings()) });
    }
  }

  get hosts(): Hosts {
    const { linkWatch } = this;
    return {
      hostOf: (sessionId) => linkWatch.hostOf(sessionId),
      signalledBy: (signalId) => linkWatch.signalledBy(signalId),
    };
  }

  /** True when every process runs. */
  get whole(): boolean {
    return this.#down === 0;
  }

  gatewayAddresses(): readonly string[] {
    return this.gateways.map(({ spec }) => addressOf(spec));
  }

  /** SIGKILL, and a new life after a while. */
  killEngine(slot: Slot<EngineSpec, EngineProcess>, downMs: number): void {
    if (!slot.life.process.alive) return;
    this.#died(slot.spec.node);
    slot.life.process.kill();
    this.#later(downMs, () => this.#reviveEngine(slot));
  }

  /** SIGTERM: the engine drains, ends, and comes back. */
  drainEngine(
    slot: Slot<EngineSpec, EngineProcess>,
    times: { readonly drainMs: number; readonly downMs: number },
  ): void {
    const { life } = slot;
    if (!life.process.alive) return;
    this.#died(slot.spec.node);
    life.drain(times.drainMs);
    this.#later(times.drainMs + times.downMs, () => {
      life.process.kill();
      this.#reviveEngine(slot);
    });
  }

  killGateway(slot: Slot<GatewaySpec, GatewayProcess>, downMs: number): void {
    if (!slot.life.process.alive) return;
    this.#died(slot.spec.node);
    this.frontWatch.settle(slot.life);
    slot.life.process.kill();
    this.#later(downMs, () => {
      slot.lives += 1;
      slot.life = this.#gateway(slot.spec, slot.lives);
    });
  }

  #reviveEngine(slot: Slot<EngineSpec, EngineProcess>): void {
    slot.lives += 1;
    slot.life = new EngineProcess(slot.spec, slot.lives, this.#surroundings());
  }

  #died(node: string): void {
    this.deaths.push({ node, atMs: this.world.nowMs });
  }

  #later(downMs: number, up: () => void): void {
    this.#down += 1;
    this.world.after(downMs, 'restart', () => {
      this.#down -= 1;
      up();
    });
  }

  #gateway(spec: GatewaySpec, life: number): GatewayProcess {
    const { world, network, bus } = this;
    const answered = (signalId: string, engineId: string): void => {
      const engine = this.engines.find((slot) => slot.spec.engineId === engineId);
      if (engine !== undefined) this.linkWatch.signalled(signalId, engine.life.process.name);
    };
    const gateway = new GatewayProcess(spec, life, { world, network, bus, answered });
    listenForClients({ network, gateway, address: addressOf(spec), watch: this.frontWatch });
    this.gatewayLives.push(gateway);
    return gateway;
  }

  #surroundings(): EngineSurroundings {
    const { world, network, bus, linkWatch: watch } = this;
    return { world, network, bus, watch };
  }
}

function addressOf({ node }: GatewaySpec): string {
  return `${node}:443`;
}
