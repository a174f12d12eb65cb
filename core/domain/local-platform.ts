import type { LocalAccess, TlsPair } from './access.ts';
import type { ModelGeometry, WaferProfile } from './wafer/index.ts';

/** What a Model gives to requests that leave it open (PROTOCOL §4.1a). */
export type ModelDefaults = {
  readonly instructions?: string | undefined;
  readonly toolPolicy?:
    | {
        readonly parallelToolCalls?: boolean | undefined;
        readonly defaultToolChoice?: 'auto' | 'none' | 'required' | undefined;
      }
    | undefined;
};

/** One simulated chain to run: a ModelDeployment of a local scene after validation, in plain values. */
export type LocalChain = {
  /** The name clients ask for. */
  readonly servedName: string;
  readonly modelDigest: string;
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  readonly geometry: ModelGeometry;
  readonly profile: WaferProfile;
  readonly wafers: number;
  /** Engines that each run this chain; default 1. */
  readonly replicas?: number;
  readonly defaults?: ModelDefaults;
  readonly engine: {
    readonly tokens: 'hash' | 'code';
    readonly length: 'natural' | 'max';
    readonly pace: 'timer' | 'busy';
    readonly seed: number;
    /** Bench profile `bench-flat`: a constant step time, no slot and no KV cap (WAFER §6.1). */
    readonly flatStepMicros?: number;
    /** Opens an output item every so many tokens, for tests of cut modes; absent: one item per turn. */
    readonly itemEvery?: number;
    /** JSON of what turns say besides prose (PROTOCOL §4.1a); absent: nothing. */
    readonly script?: string;
    /** Script of hardware faults (WAFER §6.5), for tests and drills. */
    readonly faults?: unknown;
  };
};

/** What `reticle up` asks the local platform to run; sent over the channel to the supervisor it forks. */
export type LocalPlatformSpec = {
  readonly region: string;
  /** Loopback address that every listener binds. */
  readonly host: string;
  /** Wanted gRPC port of the gateway; another one is taken when it is in use. 0: any. */
  readonly grpcPort: number;
  /** Wanted port of the OpenAI surfaces, in the same way. */
  readonly httpPort: number;
  /**
   * Wanted port of the first process's `/metrics`, gateways before engines; each further process wants the next one.
   * 0 or absent: any.
   */
  readonly metricsPort?: number;
  /** Gateway workers, which share the port. Default 1. */
  readonly gateways?: number;
  /** What carries the bus: this platform itself, a server that it starts, or a running one (`nats://…`). Default none. */
  readonly nats?: string;
  /** Folder of the playground's build; absent: none is served. */
  readonly playground?: string;
  readonly chains: readonly LocalChain[];
  /** Absent: the platform's own key alone. */
  readonly access?: LocalAccess;
  /** Certificate and key of the OpenAI surfaces; absent: plain HTTP. */
  readonly tls?: TlsPair;
};

/** What the local platform answers when everything is ready. */
export type LocalPlatformState = {
  /** `host:port` of the gateway's gRPC listener. */
  readonly grpc: string;
  /** `host:port` of the OpenAI surfaces. */
  readonly http: string;
  /** Fresh API key of this run; printed nowhere, kept in the state file with mode 0600. */
  readonly apiKey: string;
  /** Opens the playground once, within ten minutes. */
  readonly playgroundCode: string;
  readonly models: readonly string[];
  /** Entries of Codex's catalog, one per model (PROTOCOL §4.4). */
  readonly codexModels: readonly object[];
  readonly processes: readonly {
    readonly role: 'gateway' | 'engine' | 'nats';
    readonly pid: number;
    /** `http://host:port/metrics`, where it has one. */
    readonly metrics?: string;
  }[];
};
