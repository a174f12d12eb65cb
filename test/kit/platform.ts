import { randomBytes } from 'node:crypto';
import {
  base32,
  RANDOM_ID_BYTES,
  tiers,
  type GatewayAccess,
  type GatewayDoor,
  type LocalChain,
  type ModelDefaults,
  type Tier,
  type TlsPair,
} from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import { memoryLogger, systemEnv, type Env, type MemoryLogger } from '@reticle/core/process';
import { limits, subjects } from '@reticle/proto/contract';
import type { Load } from '@reticle/proto/gen/engine/v1/Load';
import { LocalBus, type Bus } from '@reticle/services/bus';
import { engineSignalKeys } from '@reticle/services/bus/signals';
import { callerOf, hmacOfSecret, mintApiKey, type KeyRecord } from '@reticle/services/edge/auth';
import type { HttpTimeouts } from '@reticle/services/edge/http';
import { LocalTicketDesk } from '@reticle/services/edge/tickets';
import { presenceCodec } from '@reticle/services/engine';
import { startEngine, startGateway, type RunningEngine, type RunningGateway } from '@reticle/services/main';
import { ApiClient } from './api-client.ts';
import { bounded } from './bounded.ts';
import { sparkChain } from './chains.ts';
import { OracleContext } from './oracle.ts';
import { TcpRelay } from './tcp-relay.ts';

export const TEST_REGION = 'test-1';
const HOST = '127.0.0.1';
const SECRET_BYTES = 32;

/** Tenants of every test platform; neither may learn of the other. */
export type Tenant = 'acme' | 'globex';

export type TestPlatformOptions = {
  /** Chains to run, one engine each; default: one {@link sparkChain}. */
  readonly chains?: readonly LocalChain[];
  /** Gateways of the cell; default 1. */
  readonly gateways?: number;
  /** Tiers of a tenant's key; default: all. */
  readonly tiers?: Partial<Record<Tenant, readonly [Tier, ...Tier[]]>>;
  readonly httpTimeouts?: Partial<HttpTimeouts>;
  /** Whether the gateways take WebSockets; default true. */
  readonly webSockets?: boolean;
  /** Tenants beside the keys' own. */
  readonly access?: Omit<GatewayAccess, 'keys'>;
  readonly door?: GatewayDoor;
  readonly modelDefaults?: Readonly<Record<string, ModelDefaults>>;
  /** Certificate of the gateways' HTTP servers; default: plain HTTP. */
  readonly tls?: TlsPair;
  /** Folder of the playground's build; default: none is served. */
  readonly playground?: string;
  /** Variables of OpenTelemetry for every process; default: none. */
  readonly telemetry?: Readonly<Record<string, string>>;
};

/** An engine of a test platform. Gateways reach it over a relay, so that a test can take it away. */
export type TestEngine = RunningEngine & {
  readonly engineId: string;
  readonly chain: LocalChain;
  /** Gone without a word: its sockets reset, its presence stops. */
  lose(): void;
  /** Hangs: its sockets stay open and say nothing, its presence stops. */
  hang(): void;
};

/** Engines and gateways in this process, over real sockets. */
export class TestPlatform implements AsyncDisposable {
  readonly chains: readonly LocalChain[];
  readonly engines: TestEngine[] = [];
  readonly logger: MemoryLogger = memoryLogger();
  readonly gateways: RunningGateway[] = [];
  readonly #timers = new OwnTimers(systemEnv().clock);
  readonly #bus = new LocalBus(this.#timers);
  readonly #cellKeys = [{ kid: 'k1', key: randomBytes(SECRET_BYTES) }];
  readonly #options: TestPlatformOptions;
  readonly #gatewayCount: number;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #env: Env;
  readonly #keys = new Map<Tenant, string>();
  readonly #records = new Map<Tenant, KeyRecord>();
  readonly #gatewayIds = new Set<string>();
  /** As a supervisor has one for its gateways. */
  readonly #desk: LocalTicketDesk;
  readonly #clients: ApiClient[] = [];
  readonly #relays: TcpRelay[] = [];
  readonly #modelWaits = new Set<() => void>();
  readonly #models = new Map<number, readonly string[]>();

  constructor(options: TestPlatformOptions) {
    const { chains = [sparkChain()], gateways = 1, telemetry = {} } = options;
    this.#options = options;
    this.#environment = telemetry;
    this.chains = chains;
    this.#gatewayCount = gateways;
    this.#env = { ...systemEnv(), clock: this.#timers };
    this.#desk = new LocalTicketDesk({ ...this.#env, serves: (gateway) => this.#gatewayIds.has(gateway) });
  }

  async start(): Promise<void> {
    for (const chain of this.chains) await this.addEngine(chain);
    const pepper = randomBytes(SECRET_BYTES);
    const keys = (['acme', 'globex'] as const).map((tenant) => this.#mint(tenant, pepper));
    const { httpTimeouts = {}, playground, access, door, tls, modelDefaults = {} } = this.#options;
    for (let index = 0; index < this.#gatewayCount; index++) {
      const gatewayId = newId();
      this.#gatewayIds.add(gatewayId);
      const config = {
        gatewayId,
        region: TEST_REGION,
        host: HOST,
        grpcPort: 0,
        httpPort: 0,
        metricsPort: 0,
        keys,
        ...(access === undefined ? {} : { access }),
        ...(door === undefined ? {} : { door }),
        pepper,
        cellKeys: this.#cellKeys,
        webSockets: this.#options.webSockets ?? true,
        modelDefaults,
        ...(playground === undefined ? {} : { playground }),
        ...(tls === undefined ? {} : { tls }),
      };
      const onModels = (models: readonly string[]): void => this.#modelsAre(index, models);
      const environment = this.#environment;
      const shared = { env: this.#env, bus: this.#bus, logger: this.logger };
      const dependencies = { ...shared, environment, onModels, httpTimeouts, desk: this.#desk };
      this.gateways.push(await startGateway(config, dependencies));
    }
    await this.untilServed(this.chains.map((chain) => chain.servedName));
  }

  /** The first chain, which clients ask for unless told otherwise. */
  get chain(): LocalChain {
    return this.chains[0] as LocalChain;
  }

  /** What the gateways know of the tenants' keys. */
  get keyRecords(): readonly KeyRecord[] {
    return [...this.#records.values()];
  }

  get port(): number {
    return this.gateway.port;
  }

  /** `http://host:port` of a gateway's OpenAI surfaces, `https://` where they have a certificate. */
  httpOf(gateway = 0): string {
    const scheme = this.#options.tls === undefined ? 'http' : 'https';
    return `${scheme}://${HOST}:${this.gateways[gateway]?.httpPort ?? 0}`;
  }

  /** What a gateway or an engine tells its scraper at this moment. */
  async scrape(process: RunningGateway | RunningEngine = this.gateway): Promise<string> {
    return (await fetch(`http://${HOST}:${process.metricsPort}/metrics`)).text();
  }

  get gateway(): RunningGateway {
    const [first] = this.gateways;
    if (first === undefined) throw new Error('the platform has not started');
    return first;
  }

  /** Timers that engines and gateway have armed. */
  get timers(): number {
    return this.#timers.size;
  }

  /** The empty context of the first chain. */
  oracle(): OracleContext {
    return OracleContext.root(this.chain);
  }

  keyOf(tenant: Tenant): string {
    return this.#keys.get(tenant) ?? '';
  }

  /** A one-time code for the playground, as `reticle up` prints it. */
  codeOf(tenant: Tenant): Promise<string> {
    const record = this.#records.get(tenant);
    if (record === undefined) throw new Error('the platform has not started');
    return this.#desk.mintCode(callerOf(record));
  }

  /** A connection of its own for a tenant; closed with the platform. */
  client(options: { tenant?: Tenant; address?: string; model?: string; gateway?: number } = {}): ApiClient {
    const { tenant = 'acme', gateway = 0, model = this.chain.servedName } = options;
    const { address = `${HOST}:${this.gateways[gateway]?.port ?? 0}` } = options;
    const client = new ApiClient({ address, key: this.keyOf(tenant), model });
    this.#clients.push(client);
    return client;
  }

  /** One more engine; the gateway learns of it by presence. */
  async addEngine(chain: LocalChain = this.chain): Promise<TestEngine> {
    const engineId = newId();
    const relay = await TcpRelay.start();
    this.#relays.push(relay);
    let lost = false;
    const codec = presenceCodec();
    const bus: Bus = {
      subscribe: (pattern, handler) => this.#bus.subscribe(pattern, handler),
      request: (subject, payload, timeoutMs) => this.#bus.request(subject, payload, timeoutMs),
      respond: (pattern, responder) =>
        this.#bus.respond(pattern, (...asked) => (lost ? undefined : responder(...asked))),
      publish: (subject, bytes) => {
        const presence = codec.decode(bytes);
        relay.target = Number(presence.address.split(':')[1]);
        if (!lost) this.#bus.publish(subject, codec.encode({ ...presence, address: relay.address }));
      },
    };
    const signalKeys = engineSignalKeys(this.#cellKeys, engineId);
    const config = { engineId, region: TEST_REGION, host: HOST, replicaEpoch: 1, chain, signalKeys, metricsPort: 0 };
    const environment = this.#environment;
    const running = await startEngine(config, { env: this.#env, bus, logger: this.logger, environment });
    const silence = (): void => void (lost = true);
    const engine: TestEngine = {
      ...running,
      engineId,
      chain,
      lose: () => {
        silence();
        relay.refuse();
      },
      hang: () => {
        silence();
        relay.stall();
      },
    };
    this.engines.push(engine);
    return engine;
  }

  /** Resolves when the ready models of every gateway are exactly these. */
  async untilServed(models: readonly string[]): Promise<void> {
    const want = [...models].sort().join(' ');
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      const told = [...this.#models.values()];
      if (told.length === this.#gatewayCount && told.every((each) => each.join(' ') === want)) resolve();
    };
    this.#modelWaits.add(look);
    look();
    const what = (): string => `models "${want}" served; they are "${[...this.#models.values()].join('; ')}"`;
    await bounded(promise, what).finally(() => this.#modelWaits.delete(look));
  }

  /** Resolves with the first load report of an engine for which the condition holds. */
  async untilLoad(engine: TestEngine, condition: (load: Load) => boolean, what: string): Promise<Load> {
    const codec = presenceCodec();
    const { promise, resolve } = Promise.withResolvers<Load>();
    let last: Load | null = null;
    const stop = this.#bus.subscribe(subjects.presence(TEST_REGION, engine.engineId), (bytes) => {
      last = codec.decode(bytes).load;
      if (last !== null && condition(last)) resolve(last);
    });
    return bounded(promise, () => `${what}; the load was ${JSON.stringify(last)}`).finally(stop);
  }

  /** Resolves when no engine generates: two measured periods in a row without a token. */
  async untilIdle(): Promise<void> {
    await Promise.all(
      this.engines.map((engine) => {
        let idleSinceMs = Infinity;
        const idle = ({ tokensPerSecond }: Load): boolean => {
          const nowMs = this.#timers.nowMs();
          idleSinceMs = tokensPerSecond === 0 ? Math.min(idleSinceMs, nowMs) : Infinity;
          return nowMs - idleSinceMs >= 2 * limits.presenceMs;
        };
        return this.untilLoad(engine, idle, 'an engine that generates nothing');
      }),
    );
  }

  #modelsAre(gateway: number, models: readonly string[]): void {
    this.#models.set(gateway, models);
    for (const look of this.#modelWaits) look();
  }

  #mint(tenant: Tenant, pepper: Uint8Array): KeyRecord {
    const { key, id, secret } = mintApiKey(this.#env.random, 'test');
    this.#keys.set(tenant, key);
    const hmacs = [Buffer.from(hmacOfSecret(pepper, secret)).toString('hex')];
    const allowed = this.#options.tiers?.[tenant] ?? tiers;
    const record: KeyRecord = { id, hmacs, tenant, models: [], tiers: allowed, defaultTier: allowed[0] };
    this.#records.set(tenant, record);
    return record;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all(this.gateways.map((gateway) => gateway.close(0)));
    await Promise.all(this.#relays.map((relay) => relay[Symbol.asyncDispose]()));
    await Promise.all(this.engines.map((engine) => engine.close(0, 'test_over')));
    this.#timers.cancelAll();
  }
}

/** Starts a platform and waits until its models are served. */
export async function startTestPlatform(options: TestPlatformOptions = {}): Promise<TestPlatform> {
  const platform = new TestPlatform(options);
  try {
    await platform.start();
  } catch (error) {
    await platform[Symbol.asyncDispose]();
    throw error;
  }
  return platform;
}

function newId(): string {
  return base32(randomBytes(RANDOM_ID_BYTES));
}

/** A clock that knows its timers, so that what is left of a platform cannot hold a test process. */
class OwnTimers implements Clock {
  readonly #clock: Clock;
  readonly #armed = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#armed.size;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  after(delayMs: number, callback: () => void): () => void {
    const cancelOne = this.#clock.after(delayMs, () => {
      this.#armed.delete(cancel);
      callback();
    });
    const cancel = (): void => {
      this.#armed.delete(cancel);
      cancelOne();
    };
    this.#armed.add(cancel);
    return cancel;
  }

  cancelAll(): void {
    for (const cancel of this.#armed) cancel();
  }
}
