import type { kinds, Stored } from '@reticle/operator/api';

export type StoredClass = Stored<(typeof kinds)['WaferClass']>;
export type StoredPool = Stored<(typeof kinds)['WaferPool']>;
export type StoredWafer = Stored<(typeof kinds)['Wafer']>;
export type StoredPhase = Stored<(typeof kinds)['CapacityPhase']>;
export type StoredTier = Stored<(typeof kinds)['AccessTier']>;
export type StoredModel = Stored<(typeof kinds)['Model']>;
export type StoredDeployment = Stored<(typeof kinds)['ModelDeployment']>;
export type StoredReplica = Stored<(typeof kinds)['ModelReplica']>;

/** Any object of ours that a plan reads. */
export type StoredObject =
  | StoredClass
  | StoredPool
  | StoredWafer
  | StoredPhase
  | StoredTier
  | StoredModel
  | StoredDeployment
  | StoredReplica;

export type WaferClaim = NonNullable<StoredWafer['spec']['claim']>;
export type ReplicaPlan = NonNullable<StoredReplica['spec']['plan']>;
export type PlannedStage = ReplicaPlan['stages'][number];
export type RetireReason = NonNullable<StoredReplica['spec']['retire']>['reason'];
export type ReplicaPhase = NonNullable<NonNullable<StoredReplica['status']>['phase']>;
export type PhaseState = NonNullable<NonNullable<StoredPhase['status']>['state']>;

/** What a node says of itself and its wafers (OPERATOR §23 "Evidence"). */
export type NodeFact = {
  readonly name: string;
  readonly ready: boolean;
  /** When `ready` last changed. */
  readonly readySinceMs: number;
  /** `kubectl drain` or cordon. */
  readonly unschedulable: boolean;
  /** `status.allocatable["reticle.dev/wafer"]`. */
  readonly waferCapacity: number;
  readonly bootId?: string;
  /** Label `reticle.dev/wafer-id`; absent on nodes of simulated pools. */
  readonly waferId?: string;
  /** Conditions of the node; absent when it reports none. */
  readonly waferHealthy?: boolean;
  readonly burnedIn?: boolean;
  readonly defectPermille?: number;
};

/** What is known of one wafer beyond its node, by its name: simulated pools script it, real hosts need none. */
export type WaferFact = {
  readonly wafer: string;
  readonly healthy?: boolean;
  readonly burnedIn?: boolean;
  readonly defectPermille?: number;
  readonly hardwareId?: string;
  readonly bootId?: string;
  /** Digest of the shard that it holds. */
  readonly residentShardDigest?: string;
};

/** A pod with our labels. */
export type PodFact = {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly replicaUid: string;
  readonly epoch: number;
  readonly stage: number;
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  readonly ready: boolean;
  /** When `ready` last changed. */
  readonly readySinceMs: number;
  readonly gates: readonly string[];
  readonly deletionMs?: number;
  readonly restarts: number;
  /** Of a container that does not run, such as `CrashLoopBackOff`. */
  readonly waiting?: string;
};

/** A child of a replica besides its pods. */
export type ChildFact = {
  readonly kind: 'ConfigMap' | 'Service' | 'PodDisruptionBudget';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly replicaUid: string;
};

/** What the head of a chain last said of itself. */
export type PresenceFact = {
  readonly replicaUid: string;
  readonly epoch: number;
  readonly atMs: number;
  /** The engine's health service: SERVING only after a prompt has gone round the ring at this epoch (OPERATOR §4). */
  readonly serving: boolean;
  /** When `serving` last changed. */
  readonly servingSinceMs: number;
  /** It takes no new session. */
  readonly draining: boolean;
  readonly liveTurns: number;
  readonly residentSessions: number;
  readonly streams: number;
  readonly kvTokens: number;
  readonly tokensPerSecond: number;
};

/** What gateways offer one deployment in one region (ADMISSION §6), and the wants of the last windows (OPERATOR §14). */
export type LoadFact = {
  readonly deploymentUid: string;
  readonly region: string;
  readonly atMs: number;
  /** ρ: offered streams in erlangs. */
  readonly offeredStreams: number;
  readonly queuedTurns: number;
};

type GateType = StoredPhase['spec']['gates'][number]['type'];

/** What is measured of a phase. */
export type PhaseFact = {
  readonly phase: string;
  /** Power that is really there. */
  readonly megawatts?: number;
  /** By gate: the value in the gate's unit, for how long it has held, and whether it is known to be bad. */
  readonly gates: {
    readonly [Type in GateType]?: { readonly value: number; readonly heldMinutes: number; readonly failed: boolean };
  };
};

/** Replicas that autoscaling wants of a deployment in one region (`scale`). */
export type ScaleFact = { readonly deploymentUid: string; readonly region: string; readonly desired: number };

/** Everything that a pass looks at. */
export type Facts = {
  readonly nowMs: number;
  readonly objects: readonly StoredObject[];
  readonly nodes: readonly NodeFact[];
  readonly wafers: readonly WaferFact[];
  readonly pods: readonly PodFact[];
  readonly children: readonly ChildFact[];
  readonly presence: readonly PresenceFact[];
  readonly loads: readonly LoadFact[];
  readonly scales: readonly ScaleFact[];
  readonly phases: readonly PhaseFact[];
};

/** What changed since the last snapshot. Objects and facts replace those of the same identity. */
export type Change = Partial<Omit<Facts, 'nowMs'>> & {
  readonly nowMs: number;
  readonly removed?: {
    readonly objects?: readonly StoredObject[];
    readonly nodes?: readonly NodeFact[];
    readonly pods?: readonly PodFact[];
    readonly children?: readonly ChildFact[];
  };
};
