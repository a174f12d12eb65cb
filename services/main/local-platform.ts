import { join } from 'node:path';
import {
  base32,
  RANDOM_ID_BYTES,
  tiers,
  type GatewayAccess,
  type LocalChain,
  type LocalPlatformSpec,
  type LocalPlatformState,
  type TlsPair,
} from '@reticle/core/domain';
import { environment, type Env, type Logger } from '@reticle/core/process';
import { BusHub } from '@reticle/services/bus';
import { engineSignalKeys } from '@reticle/services/bus/signals';
import { callerOf, hmacOfSecret, mintApiKey, type KeyRecord } from '@reticle/services/edge/auth';
import { catalogEntries } from '@reticle/services/edge/http';
import { LocalTicketDesk } from '@reticle/services/edge/tickets';
import { LocalNats, type BusMember } from './local-nats.ts';
import { freshKeys, keptKeys, stateFolder, type MemberKeys } from './member-keys.ts';
import type { CellKey, ChildOrder, ChildReport, GatewayConfig, GatewayOrder } from './messages.ts';
import { describeReport, SupervisedChild } from './supervised-child.ts';
import { answerQuestion } from './supervised-desk.ts';

export type LocalPlatformOptions = {
  readonly env: Env;
  readonly logger: Logger;
  readonly progress: (text: string) => void;
  /** Told which processes serve, whenever that changes. */
  readonly onProcesses?: (processes: LocalPlatformState['processes']) => void;
};

/** Tenant of the local key. */
const LOCAL_TENANT = 'local';
const READY_BOUND_MS = 20_000;
const SECRET_BYTES = 32;
const PORT_MAX = 65_535;

type Replica = { readonly chain: LocalChain; readonly engineId: string; readonly member: BusMember };

/**
 * A whole platform on one machine: engines, gateway workers, and the bus between them, over IPC or NATS.
 * The key of the run is made here and handed out once, in the state.
 */
export class LocalPlatform implements AsyncDisposable {
  readonly #spec: LocalPlatformSpec;
  readonly #options: LocalPlatformOptions;
  readonly #hub = new BusHub();
  readonly #nats: LocalNats;
  readonly #cellKey: CellKey;
  readonly #children: SupervisedChild[] = [];
  readonly #gatewayIds = new Set<string>();
  readonly #desk: LocalTicketDesk;
  readonly #ready = Promise.withResolvers<void>();
  #ownKey: KeyRecord | undefined;
  #access: GatewayAccess;
  #tls: TlsPair | undefined;
  #port = 0;
  #httpPort = 0;
  #served: readonly string[] = [];

  constructor(spec: LocalPlatformSpec, options: LocalPlatformOptions) {
    this.#spec = spec;
    this.#access = spec.access ?? { keys: [], tenants: [], keepsPartial: [] };
    this.#tls = spec.tls;
    this.#options = options;
    const { env, logger } = options;
    this.#nats = new LocalNats({ env, logger, onChanged: () => options.onProcesses?.(this.#processes) });
    this.#desk = new LocalTicketDesk({ ...env, serves: (gateway) => this.#gatewayIds.has(gateway) });
    this.#cellKey = { kid: 'k1', key: env.random.bytes(SECRET_BYTES) };
  }

  /** Starts everything; resolves when every model has a ready engine. Rejects with the first failure. */
  async start(): Promise<LocalPlatformState> {
    const { env } = this.#options;
    const { access } = this.#spec;
    const pepper = access?.pepper === undefined ? env.random.bytes(SECRET_BYTES) : Buffer.from(access.pepper);
    const minted = mintApiKey(env.random, 'local');
    const record: KeyRecord = {
      id: minted.id,
      hmacs: [Buffer.from(hmacOfSecret(pepper, minted.secret)).toString('hex')],
      tenant: LOCAL_TENANT,
      models: [],
      tiers,
      defaultTier: 'ultrafast',
    };
    const { nats = 'none', gateways: workers = 1, region } = this.#spec;
    const foreign = nats !== 'none' && nats !== 'embedded';
    const keys = foreign ? await keptKeys(env, stateFolder(environment())) : freshKeys(env);
    const replicas = this.#spec.chains.flatMap((chain, index) => replicasOf(chain, index, keys));
    const gateways = Array.from({ length: workers }, (_, index): BusMember => ({
      name: `gateway/${index}`,
      role: 'gateway',
    }));
    const members = [...replicas.map(({ member }) => member), ...gateways];
    await this.#nats.start({ nats, cell: region, keys, members });
    for (const [index, replica] of replicas.entries()) {
      this.#children.push(this.#engine(replica, this.#metricsPort(workers + index)));
    }
    this.#ownKey = record;
    await this.#startGateways(gateways, pepper);
    const cancel = env.clock.after(READY_BOUND_MS, () =>
      this.#ready.reject(new Error(`not ready after ${READY_BOUND_MS / 1000} s: ${this.#missing()}`)),
    );
    try {
      await this.#ready.promise;
    } finally {
      cancel();
    }
    return {
      grpc: `${this.#spec.host}:${this.#port}`,
      http: `${this.#spec.host}:${this.#httpPort}`,
      apiKey: minted.key,
      models: this.#spec.chains.map((chain) => chain.servedName),
      codexModels: catalogEntries({
        models: this.#spec.chains.map(({ servedName: name, contextTokens, defaults: { instructions } = {} }) => ({
          name,
          contextTokens,
          instructions,
        })),
        tiers,
      }),
      processes: this.#processes,
      playgroundCode: await this.#desk.mintCode(callerOf(record)),
    };
  }

  get #processes(): LocalPlatformState['processes'] {
    const { host } = this.#spec;
    const nats = { role: 'nats' as const, pid: this.#nats.pid, metricsPort: undefined };
    return [...this.#children, nats].flatMap(({ role, pid, metricsPort }) => {
      if (pid === undefined) return [];
      return [
        { role, pid, ...(metricsPort === undefined ? {} : { metrics: `http://${host}:${metricsPort}/metrics` }) },
      ];
    });
  }

  /** The wanted port of a process, gateways before engines. */
  #metricsPort(index: number): number {
    const { metricsPort = 0 } = this.#spec;
    return metricsPort === 0 || metricsPort + index > PORT_MAX ? 0 : metricsPort + index;
  }

  #engine({ chain, engineId, member }: Replica, metricsPort: number): SupervisedChild {
    const { region, host } = this.#spec;
    const signalKeys = engineSignalKeys([this.#cellKey], engineId);
    return this.#child('engine', 'engine.ts', (starts) => ({
      kind: 'engine-config',
      config: {
        engineId,
        region,
        host,
        replicaEpoch: starts + 1,
        chain,
        signalKeys,
        metricsPort,
        ...this.#busOf(member),
      },
    }));
  }

  #busOf(member: BusMember): Pick<GatewayConfig, 'nats'> {
    const nats = this.#nats.accessOf(member);
    return nats === undefined ? {} : { nats };
  }

  async #startGateways(gateways: readonly BusMember[], pepper: Uint8Array): Promise<void> {
    const { env } = this.#options;
    const { region, host, access: { door } = {}, playground, chains } = this.#spec;
    // A restarted gateway must come back where its clients look for it. One alone takes what the system gives it and keeps
    // that; several must agree on ports before the first of them starts.
    const isAlone = gateways.length === 1;
    const grpcPort = await this.#freePort(this.#spec.grpcPort, isAlone);
    const httpPort = await this.#freePort(this.#spec.httpPort, isAlone);
    for (const [index, member] of gateways.entries()) {
      const gatewayId = base32(env.random.bytes(RANDOM_ID_BYTES));
      this.#gatewayIds.add(gatewayId);
      const config: GatewayConfig = {
        gatewayId,
        region,
        host,
        grpcPort,
        httpPort,
        metricsPort: this.#metricsPort(index),
        keys: [],
        modelDefaults: Object.fromEntries(chains.map(({ servedName, defaults = {} }) => [servedName, defaults])),
        ...(door === undefined ? {} : { door }),
        pepper,
        cellKeys: [this.#cellKey],
        sharesPort: !isAlone,
        ...(playground === undefined ? {} : { playground }),
        ...this.#busOf(member),
      };
      const order = (): ChildOrder => {
        const ports = { grpcPort: grpcPort || this.#port, httpPort: httpPort || this.#httpPort };
        const { keys, ...access } = this.#allowed;
        const tls = this.#tls === undefined ? {} : { tls: this.#tls };
        return { kind: 'gateway-config', config: { ...config, ...ports, keys, access, ...tls } };
      };
      this.#children.push(this.#child('gateway', 'gateway.ts', order));
    }
  }

  /** Puts others than the spec's in force at once; the platform's own key stays. */
  replaceAccess(access: GatewayAccess): void {
    this.#access = access;
    this.#tellAccess();
  }

  /** Puts another certificate in force, where the spec has one. */
  replaceTls(tls: TlsPair): void {
    this.#tls = tls;
    this.#tell({ kind: 'gateway-tls', tls });
  }

  #tellAccess(): void {
    this.#tell({ kind: 'gateway-access', access: this.#allowed });
  }

  #tell(order: GatewayOrder): void {
    for (const child of this.#children) if (child.role === 'gateway') child.send(order);
  }

  get #allowed(): GatewayAccess {
    const { keys, tenants, keepsPartial } = this.#access;
    return { keys: [...(this.#ownKey === undefined ? [] : [this.#ownKey]), ...keys], tenants, keepsPartial };
  }

  /** A port is free only until somebody else takes it: none is looked for where the system may choose. */
  async #freePort(wanted: number, maySystemChoose: boolean): Promise<number> {
    if (wanted === 0 && maySystemChoose) return 0;
    const port = await this.#options.env.net.freePort(this.#spec.host, wanted);
    if (port !== wanted && wanted !== 0) this.#options.progress(`port ${wanted} is taken, using ${port}`);
    return port;
  }

  #child(
    role: 'gateway' | 'engine',
    file: string,
    order: ConstructorParameters<typeof SupervisedChild>[0]['order'],
  ): SupervisedChild {
    const { env, logger } = this.#options;
    return new SupervisedChild({
      env,
      logger,
      hub: this.#hub,
      role,
      file: join(import.meta.dirname, file),
      order,
      onReport: (report) => this.#report(report),
      onQuestion: (question) => answerQuestion(this.#desk, question),
      onChanged: () => this.#options.onProcesses?.(this.#processes),
    });
  }

  #report(report: ChildReport): void {
    this.#options.progress(describeReport(report));
    if (report.kind === 'failed') this.#ready.reject(new Error(report.message));
    if (report.kind === 'gateway-ready') {
      this.#port = report.port;
      this.#httpPort = report.httpPort ?? 0;
      // What changed while it started.
      this.#tellAccess();
      if (this.#tls !== undefined) this.#tell({ kind: 'gateway-tls', tls: this.#tls });
    }
    if (report.kind === 'gateway-models') this.#served = report.models;
    const told = this.#children.every(({ metricsPort }) => metricsPort !== undefined);
    if (this.#port !== 0 && told && this.#missing() === '') this.#ready.resolve();
  }

  /** Served names that have no ready engine yet, for people. */
  #missing(): string {
    const missing = this.#spec.chains.filter((chain) => !this.#served.includes(chain.servedName));
    return missing.map((chain) => chain.servedName).join(', ');
  }

  /** The gateway goes first, so that no client sees an engine vanish. */
  async [Symbol.asyncDispose](): Promise<void> {
    const gateways = this.#children.filter((child) => child.role === 'gateway');
    const engines = this.#children.filter((child) => child.role === 'engine');
    await Promise.all(gateways.map((child) => child.stop()));
    await Promise.all(engines.map((child) => child.stop()));
    await this.#nats[Symbol.asyncDispose]();
  }
}

function replicasOf(chain: LocalChain, index: number, keys: MemberKeys): Replica[] {
  return Array.from({ length: chain.replicas ?? 1 }, (_, replica) => {
    const name = `host/${index}/${replica}`;
    const engineId = keys.idOf(name);
    return { chain, engineId, member: { name, role: 'host', engineId } };
  });
}
