import type { LocalChain } from '@reticle/core/domain';
import { engineSignalKeys, type SignalKey } from '@reticle/services/bus/signals';
import { EngineHost, publishPresence, serveSignals } from '@reticle/services/engine';
import { chainOptions, createWaferSim, type WaferSim } from '@reticle/services/engine/wafer-sim';
import { listenForLinks } from './link-wire.ts';
import type { LinkWatch } from './link-watch.ts';
import type { Network } from './network.ts';
import type { SimBus } from './sim-bus.ts';
import { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

export type EngineSpec = {
  readonly node: string;
  readonly engineId: string;
  readonly region: string;
  readonly chain: LocalChain;
  readonly cellKey: SignalKey;
};

export type EngineSurroundings = {
  readonly world: World;
  readonly network: Network;
  readonly bus: SimBus;
  readonly watch: LinkWatch;
};

/** One life of an engine: host, simulated wafers, presence. */
export class EngineProcess {
  readonly process: SimProcess;
  readonly host: EngineHost;
  readonly driver: WaferSim;
  readonly address: string;
  readonly #network: Network;
  readonly #stopPresence: () => void;
  readonly #stopSignals: () => void;

  constructor(spec: EngineSpec, replicaEpoch: number, { world, network, bus, watch }: EngineSurroundings) {
    const { node, engineId, region, chain, cellKey } = spec;
    const process = new SimProcess(world, { name: `${node}.${replicaEpoch}`, node });
    this.process = process;
    this.address = `${node}:${9_000 + replicaEpoch}`;
    this.#network = network;
    this.driver = driverOf(chain, process);
    const { clock } = process;
    this.host = new EngineHost({ driver: this.driver, clock, identity: { engineId, region, replicaEpoch } });
    const { address, host } = this;
    const signals = host.signals({ cell: region, engineKeys: engineSignalKeys([cellKey], engineId) });
    listenForLinks({ network, process, address, host, signals, watch });
    const port = bus.of(process);
    this.#stopSignals = serveSignals({ bus: port, signals, cell: region, engineId, address });
    this.#stopPresence = publishPresence({
      host: this.host,
      address: this.address,
      cell: region,
      publish: (subject, bytes) => port.publish(subject, bytes),
    });
    world.note('engine up', process.name);
  }

  /** SIGTERM: drains, then ends. */
  drain(timeLeftMs: number): void {
    this.process.enter(() =>
      this.host.drain(timeLeftMs, 'simulated', () => {
        this.#network.unlisten(this.address);
        this.#network.unlisten(`${this.address}/signal`);
        this.host.close();
        this.#stopSignals();
        this.#stopPresence();
        this.process.kill();
      }),
    );
  }
}

function driverOf(chain: LocalChain, { clock }: SimProcess): WaferSim {
  return createWaferSim({ ...chainOptions(chain), clock });
}
