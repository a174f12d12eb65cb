/**
 * What supervisor and children say to each other over IPC (structured clone). Secrets travel here and
 * nowhere else: never on a command line, in the environment, or in a log.
 */
import type {
  GatewayAccess,
  GatewayDoor,
  KeyRecord,
  LocalChain,
  LocalPlatformSpec,
  LocalPlatformState,
  ModelDefaults,
  TlsPair,
} from '@reticle/core/domain';
import type { TicketUse } from '@reticle/services/edge/tickets';
import type { Caller } from '@reticle/services/stream';

/** A component's access to NATS; absent: the supervisor carries the bus. */
export type NatsAccess = {
  /** `nats://host:port`, one or more. */
  readonly servers: readonly string[];
  /** `SU…`; the component's own key. */
  readonly seed: string;
};

/** One stage of a chain behind its leader, as planned (WAFER §6): the stage and its leader must agree on all of it. */
export type StagePlan = {
  /** Index in the chain, 1 and up; stage 0 is the engine itself. */
  readonly stage: number;
  /** SHA-256 of the stage's artefact, in hex (WAFER §6.5). */
  readonly programId: string;
  readonly hardwareId: string;
  /** Replica epoch of the chain that the stage serves; any other one is refused. */
  readonly epoch: number;
  readonly host: string;
};

export type StageConfig = StagePlan & {
  /** Absent: any. */
  readonly port?: number;
};

export type EngineConfig = {
  /** 26 base32 characters. */
  readonly engineId: string;
  readonly region: string;
  readonly host: string;
  /** Of its LinkService; absent: any. */
  readonly port?: number;
  /** Grows by 1 with every restart of the same engine: the fence of its predecessors (PROTOCOL E8). */
  readonly replicaEpoch: number;
  readonly chain: LocalChain;
  /** Serialised `SignalKeys` of this engine, for drains (PROTOCOL S4). */
  readonly signalKeys: Uint8Array;
  readonly nats?: NatsAccess;
  /** `host:port` that is announced, where it is not the listener's own (a proxy). */
  readonly advertise?: string;
  /** Wanted port of `/metrics`; another one is taken when it is in use. 0: any. Absent: none. */
  readonly metricsPort?: number;
  /** Tokens per second that were planned: nobody is served before a probe has reached them. Absent: no probe. */
  readonly plannedTokensPerSecond?: number;
  /** Stages of the chain that are processes of their own; absent: this process runs them all. */
  readonly stages?: readonly (StagePlan & { readonly port: number })[];
};

export type CellKey = {
  readonly kid: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
};

/** Where a gateway has its serving snapshots from (OPERATOR §16). */
export type ServingConfig = {
  readonly cell: string;
  /** File with a packed snapshot to start with: the mounted ConfigMap. A missing one is none. */
  readonly bootFile?: string;
};

export type GatewayConfig = {
  readonly gatewayId: string;
  readonly region: string;
  readonly host: string;
  /** 0: any. */
  readonly grpcPort: number;
  /** Port of the OpenAI surfaces; 0: any. Absent: none. */
  readonly httpPort?: number;
  /** Wanted port of `/metrics`; another one is taken when it is in use. 0: any. Absent: none. */
  readonly metricsPort?: number;
  readonly keys: readonly KeyRecord[];
  /** Tenants of tokens, and what tenants choose; absent: none. */
  readonly access?: Omit<GatewayAccess, 'keys'>;
  readonly door?: GatewayDoor;
  /** Certificate and key of the OpenAI surfaces; absent: plain HTTP. */
  readonly tls?: TlsPair;
  /** By served name; absent: none. */
  readonly modelDefaults?: Readonly<Record<string, ModelDefaults>>;
  readonly pepper: Uint8Array;
  /** First mints resume tokens and signs, the others are accepted. */
  readonly cellKeys: readonly CellKey[];
  /** True where several workers listen on the port together (PERFORMANCE H12). */
  readonly sharesPort?: boolean;
  /** False: the OpenAI surfaces do without WebSocket, and say so (PROTOCOL §4.3). Default true. */
  readonly webSockets?: boolean;
  /** Folder of the playground's build; absent: none is served. */
  readonly playground?: string;
  /** What an operator publishes has the word on keys, models and engines; absent: presence and `keys` alone. */
  readonly serving?: ServingConfig;
  readonly nats?: NatsAccess;
};

/** Supervisor → child. */
export type ChildOrder =
  | { readonly kind: 'engine-config'; readonly config: EngineConfig }
  | { readonly kind: 'gateway-config'; readonly config: GatewayConfig }
  | { readonly kind: 'stage-config'; readonly config: StageConfig };

/** Supervisor → a gateway that runs. */
export type GatewayOrder =
  /** In force at once, for running streams too. */
  | { readonly kind: 'gateway-access'; readonly access: GatewayAccess }
  /** For new connections; only to a gateway that began with a pair. */
  | { readonly kind: 'gateway-tls'; readonly tls: TlsPair };

/** Child → supervisor. `models` are the served names with a ready engine. */
export type ChildReport =
  | { readonly kind: 'engine-ready'; readonly address: string; readonly port: number; readonly metricsPort?: number }
  | { readonly kind: 'gateway-ready'; readonly port: number; readonly httpPort?: number; readonly metricsPort?: number }
  | { readonly kind: 'stage-ready'; readonly port: number }
  | { readonly kind: 'gateway-models'; readonly models: readonly string[] }
  | { readonly kind: 'failed'; readonly message: string };

/** Child → supervisor: what one process must decide for all workers of a port. Answered in any order. */
export type ChildQuestion =
  | { readonly kind: 'spend-ticket'; readonly question: number; readonly use: TicketUse }
  | { readonly kind: 'exchange-code'; readonly question: number; readonly code: string }
  | { readonly kind: 'mint-code'; readonly question: number; readonly caller: Caller };

/** Supervisor → child. */
export type ChildAnswer = {
  readonly kind: 'child-answer';
  readonly question: number;
  /** False or absent: refused. */
  readonly answer: boolean | string | Caller | undefined;
};

/** `reticle up` → supervisor. */
export type PlatformOrder =
  | { readonly kind: 'platform-spec'; readonly spec: LocalPlatformSpec }
  /** Replaces whom the spec lets in. */
  | { readonly kind: 'platform-access'; readonly access: GatewayAccess }
  /** Replaces the spec's certificate. */
  | { readonly kind: 'platform-tls'; readonly tls: TlsPair }
  | { readonly kind: 'platform-stop' };

/** Supervisor → `reticle up`. */
export type PlatformReport =
  | { readonly kind: 'platform-progress'; readonly text: string }
  | { readonly kind: 'platform-ready'; readonly state: LocalPlatformState }
  | { readonly kind: 'platform-failed'; readonly message: string }
  /** A process died or was started again; the list is whole. */
  | { readonly kind: 'platform-processes'; readonly processes: LocalPlatformState['processes'] };

/** `reticle key` → the process that mints. */
export type MintOrder = {
  readonly kind: 'mint-key';
  readonly environment: string;
  /** Of a key that gets another secret; absent: a fresh one. */
  readonly id?: string;
  readonly pepper: string;
};

/** `key` is the secret, for its user alone; `hmac` is for the Tenant. */
export type MintReport = {
  readonly kind: 'key-minted';
  readonly id: string;
  readonly key: string;
  readonly hmac: string;
};

/** Narrows a message of the channel to one of the wanted kinds; anything else is not ours. */
export function messageOfKind<Message extends { readonly kind: string }>(
  message: unknown,
  kinds: readonly Message['kind'][],
): Message | undefined {
  if (typeof message !== 'object' || message === null || !('kind' in message)) return undefined;
  return (kinds as readonly unknown[]).includes(message.kind) ? (message as Message) : undefined;
}
