/**
 * Real gateways and engines over real sockets, a fault proxy on every link: client–gateway, gateway–engine, and
 * process–NATS where a server is given. Every process can be killed, frozen and started again on its own address.
 */
import { randomBytes } from 'node:crypto';
import { base32, RANDOM_ID_BYTES, tiers, type LocalChain } from '@reticle/core/domain';
import { systemRandom } from '@reticle/core/process';
import { BusHub } from '@reticle/services/bus';
import { hmacOfSecret, mintApiKey, type KeyRecord } from '@reticle/services/edge/auth';
import { engineSignalKeys } from '@reticle/services/bus/signals';
import type { CellKey, GatewayConfig } from '@reticle/services/main';
import { bounded } from '../kit/bounded.ts';
import { FaultProxy } from '../kit/fault-proxy.ts';
import { Child, type ChildOrder, type ChildReport } from './child.ts';
import { Nats } from './nats.ts';

export const REGION = 'fault-1';
const HOST = '127.0.0.1';
const SECRET_BYTES = 32;

export const tenants = ['acme', 'globex'] as const;
export type TenantName = (typeof tenants)[number];

export type ClusterOptions = {
  readonly gateways: number;
  readonly engines: number;
  readonly chain: LocalChain;
  readonly seed: number;
  /** A nats-server binary; absent: the runner carries the bus, and is no part that can die. */
  readonly natsPath?: string;
};

type Access = NonNullable<GatewayConfig['nats']>;

/** One gateway: its process of the moment and the wire that its clients dial. */
export class GatewayNode {
  readonly id = newId();
  readonly index: number;
  /** Between clients and this gateway. */
  readonly proxy: FaultProxy;
  readonly #order: (id: string) => ChildOrder;
  readonly #hub: BusHub;
  #child: Child | undefined;
  #models: readonly string[] = [];
  /** Settles when the process of the moment ends. */
  exited: Promise<unknown> = Promise.resolve();
  starts = 0;

  constructor(options: {
    readonly index: number;
    readonly proxy: FaultProxy;
    readonly hub: BusHub;
    readonly order: (id: string) => ChildOrder;
  }) {
    this.index = options.index;
    this.proxy = options.proxy;
    this.#hub = options.hub;
    this.#order = options.order;
  }

  get child(): Child {
    if (this.#child === undefined) throw new Error(`gateway ${this.index} was never started`);
    return this.#child;
  }

  get serves(): boolean {
    return this.#child?.alive === true && this.#models.length > 0;
  }

  /** Starts the process, with failpoints armed where a text is given; resolves when it serves a model. */
  async start(failpoints = ''): Promise<void> {
    this.starts += 1;
    this.#models = [];
    const served = Promise.withResolvers<void>();
    const onReport = (report: ChildReport): void => {
      if (report.kind !== 'gateway-models') return;
      this.#models = report.models ?? [];
      if (this.#models.length > 0) served.resolve();
    };
    const child = new Child({ role: 'gateway', order: this.#order(this.id), failpoints, onReport });
    this.#child = child;
    this.exited = child.exited;
    const leave = this.#hub.join(child.channel);
    void child.exited.then(leave);
    const ready = await child.ready();
    this.proxy.targetPort = ready.port ?? 0;
    await bounded(served.promise, () => `a model served by gateway ${this.index}\n${child.lines.join('\n')}`);
  }

  async stop(): Promise<void> {
    await this.#child?.end();
  }
}

type EngineOptions = {
  readonly hub: BusHub;
  readonly chain: LocalChain;
  readonly cellKeys: readonly CellKey[];
};

/** One engine: its process of the moment and the wire that gateways dial. */
export class EngineNode {
  readonly id = newId();
  readonly index: number;
  /** Between gateways and this engine. */
  readonly proxy: FaultProxy;
  readonly #options: EngineOptions;
  #nats: Access | undefined;
  #child: Child | undefined;
  exited: Promise<unknown> = Promise.resolve();
  starts = 0;

  constructor(index: number, proxy: FaultProxy, options: EngineOptions) {
    this.index = index;
    this.proxy = proxy;
    this.#options = options;
  }

  get child(): Child {
    if (this.#child === undefined) throw new Error(`engine ${this.index} was never started`);
    return this.#child;
  }

  /** The bus is a nats-server from now on. */
  useNats(access: Access): void {
    this.#nats = access;
  }

  /** Starts the process as the next replica of this engine; resolves when it listens. */
  async start(failpoints = ''): Promise<void> {
    this.starts += 1;
    const { chain, cellKeys, hub } = this.#options;
    const config = {
      engineId: this.id,
      region: REGION,
      host: HOST,
      replicaEpoch: this.starts,
      chain,
      signalKeys: engineSignalKeys(cellKeys, this.id),
      // Gateways dial the proxy, which alone knows where the engine listens.
      advertise: this.proxy.address,
      ...(this.#nats === undefined ? {} : { nats: this.#nats }),
    };
    const order = { kind: 'engine-config', config } as const;
    const child = new Child({ role: 'engine', order, failpoints, onReport: () => {} });
    this.#child = child;
    this.exited = child.exited;
    const leave = hub.join(child.channel);
    void child.exited.then(leave);
    const { port = 0 } = await child.ready();
    this.proxy.targetPort = port;
  }

  async stop(): Promise<void> {
    await this.#child?.end();
  }
}

export class Cluster implements AsyncDisposable {
  readonly gateways: GatewayNode[] = [];
  readonly engines: EngineNode[] = [];
  readonly chain: LocalChain;
  /** The real bus, where there is one. */
  readonly nats: Nats | undefined;
  readonly #options: ClusterOptions;
  readonly #hub = new BusHub();
  readonly #pepper = randomBytes(SECRET_BYTES);
  readonly #cellKeys: readonly CellKey[] = [{ kid: 'k1', key: randomBytes(SECRET_BYTES) }];
  readonly #keys = new Map<TenantName, string>();
  readonly #records: KeyRecord[] = [];

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.chain = options.chain;
    this.nats = options.natsPath === undefined ? undefined : new Nats(options.natsPath, REGION);
    for (const tenant of tenants) {
      const { key, id, secret } = mintApiKey(systemRandom, 'test');
      this.#keys.set(tenant, key);
      const hmacs = [Buffer.from(hmacOfSecret(this.#pepper, secret)).toString('hex')];
      this.#records.push({ id, hmacs, tenant, models: [], tiers, defaultTier: 'ultrafast' });
    }
  }

  keyOf(tenant: TenantName): string {
    return this.#keys.get(tenant) ?? '';
  }

  async start(): Promise<void> {
    const { gateways, engines, chain, seed } = this.#options;
    for (let index = 0; index < engines; index += 1) {
      const proxy = await FaultProxy.start({ seed: seed + 100 + index });
      const engine = new EngineNode(index, proxy, { hub: this.#hub, chain, cellKeys: this.#cellKeys });
      const access = await this.nats?.join({ role: 'host', engineId: engine.id }, seed + 300 + index);
      if (access !== undefined) engine.useNats(access);
      this.engines.push(engine);
    }
    for (let index = 0; index < gateways; index += 1) {
      const proxy = await FaultProxy.start({ seed: seed + 200 + index });
      const nats = await this.nats?.join({ role: 'gateway' }, seed + 400 + index);
      const order = (id: string): ChildOrder => ({ kind: 'gateway-config', config: this.#gatewayConfig(id, nats) });
      this.gateways.push(new GatewayNode({ index, proxy, hub: this.#hub, order }));
    }
    await this.nats?.start();
    await Promise.all(this.engines.map((engine) => engine.start()));
    await Promise.all(this.gateways.map((gateway) => gateway.start()));
  }

  #gatewayConfig(gatewayId: string, nats: Access | undefined): GatewayConfig {
    return {
      gatewayId,
      region: REGION,
      host: HOST,
      grpcPort: 0,
      keys: this.#records,
      pepper: this.#pepper,
      cellKeys: this.#cellKeys,
      ...(nats === undefined ? {} : { nats }),
    };
  }

  /** Every process runs, nothing is on the wires. */
  async heal(): Promise<void> {
    await this.nats?.heal();
    for (const { proxy } of [...this.engines, ...this.gateways]) proxy.heal();
    for (const node of [...this.engines, ...this.gateways]) if (node.child.alive) node.child.kill('SIGCONT');
    await Promise.all(this.engines.filter(({ child }) => !child.alive).map((engine) => engine.start()));
    await Promise.all(this.gateways.filter(({ child }) => !child.alive).map((gateway) => gateway.start()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.gateways, ...this.engines].map((node) => node.stop()));
    await Promise.all([...this.gateways, ...this.engines].map(({ proxy }) => proxy[Symbol.asyncDispose]()));
    await this.nats?.[Symbol.asyncDispose]();
  }
}

function newId(): string {
  return base32(randomBytes(RANDOM_ID_BYTES));
}
