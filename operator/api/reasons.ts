/** The closed registry of reasons (OPERATOR §4): what a condition may say, whose fault it is and what to do. */

/** First word of `explain` and a metric label. */
export const reasonClasses = ['ok', 'capacity', 'pods', 'updating', 'config', 'upstream', 'control'] as const;
export type ReasonClass = (typeof reasonClasses)[number];

/** `info`: nothing to do. `warning`: degraded or waiting. `error`: somebody must act. */
export type Severity = 'info' | 'warning' | 'error';

/** Short names of the kinds (OPERATOR §2). */
export type ShortName = 'wc' | 'wp' | 'wf' | 'cph' | 'at' | 'tn' | 'mdl' | 'md' | 'mr';

export type ReasonRow = {
  readonly class: ReasonClass;
  /** Kinds whose conditions may carry it. */
  readonly kinds: readonly ShortName[];
  readonly severity: Severity;
  /** What it means; a condition's message is this text, a colon and the detail at hand. */
  readonly text: string;
  /** What it asks of whom. */
  readonly next: string;
};

type Text = readonly [severity: Severity, text: string, next: string];
const row = (group: ReasonClass, kinds: readonly ShortName[], [severity, text, next]: Text): ReasonRow => ({
  class: group,
  kinds,
  severity,
  text,
  next,
});

const every: readonly ShortName[] = ['wc', 'wp', 'wf', 'cph', 'at', 'tn', 'mdl', 'md', 'mr'];
const chains: readonly ShortName[] = ['md', 'mr'];
const places: readonly ShortName[] = ['wp', 'wf', 'cph'];

const ok = {
  AsExpected: row('ok', every, ['info', 'all is as the spec says', 'nothing to do']),
  ProbePassed: row(
    'ok',
    ['mr'],
    ['info', 'a fixed prompt went round the whole chain at planned speed', 'nothing to do'],
  ),
  Placed: row('ok', chains, ['info', 'a plan with wafers for every stage is written', 'nothing to do']),
  Committed: row('ok', ['mr'], ['info', 'all wafers of the plan are claimed by this epoch', 'nothing to do']),
  AllReplicasReady: row('ok', ['md'], ['info', 'every wanted replica passes its probe', 'nothing to do']),
  Paused: row(
    'ok',
    ['md'],
    ['info', 'the rollout is paused by its owner', 'set spec.rollout.paused to false to go on'],
  ),
} as const;

const capacity = {
  NoFit: row('capacity', chains, [
    'error',
    'no pool of the region can hold the chain',
    'read the noFit codes: free wafers, wait for the phase they name, or change the shape (reticle plan --what-if)',
  ]),
  InsufficientWafers: row(
    'capacity',
    ['wp', 'md'],
    [
      'error',
      'the pools have fewer usable wafers than the spec needs',
      'add wafers, open cordoned ones, or lower replicas',
    ],
  ),
  SparesShort: row(
    'capacity',
    ['wp', 'md', 'mr'],
    ['warning', 'fewer hot spares than spec.spares.minHot are free', 'repair or add wafers, or lower minHot'],
  ),
  PhaseNotOpen: row(
    'capacity',
    ['wp', 'wf', 'cph', 'md', 'mr'],
    [
      'warning',
      'the capacity phase has not accepted these wafers yet',
      'wait for the gates that the phase names, or place elsewhere',
    ],
  ),
  ContractExceeded: row(
    'capacity',
    ['cph'],
    [
      'error',
      'the phases of one contract exceed its ceiling',
      'lower megawatts of a phase, or raise the ceiling in all phases of the contract',
    ],
  ),
  GuaranteesExceedCapacity: row(
    'capacity',
    ['at', 'tn'],
    [
      'warning',
      'guarantees of the tier add up to more than its least expected capacity',
      'lower guarantees or add capacity',
    ],
  ),
  NoSurgeCapacity: row(
    'capacity',
    ['md'],
    [
      'warning',
      'no room for the replica that a rollout creates first',
      'free wafers, raise maxSurgeWafers, or allow maxUnavailable of 1',
    ],
  ),
  PoolEvacuating: row(
    'capacity',
    ['wp', 'wf', 'md', 'mr'],
    ['info', 'the pool is being emptied', 'wait, or set spec.service of the pool to Open'],
  ),
  Preempted: row('capacity', chains, [
    'warning',
    'a deployment of higher priority took the wafers',
    'add capacity, or set preemption of the other deployment to Never',
  ]),
  CapacityLost: row(
    'capacity',
    ['wp', 'cph', 'md', 'mr'],
    ['error', 'wafers that were in use are gone', 'repair the wafers named; spares are used meanwhile'],
  ),
} as const;

const pods = {
  PodsPending: row('pods', chains, [
    'info',
    'pods of the chain are not bound to their nodes yet',
    'look at the pods named',
  ]),
  PodsNotReady: row('pods', chains, ['warning', 'pods of the chain are not Ready', 'look at the pods named']),
  PodRejected: row(
    'pods',
    ['mr'],
    [
      'error',
      'the API server refuses a pod of the chain',
      'read the quota or policy that refuses it; it is tried again with the next epoch',
    ],
  ),
  ExternallyGated: row('pods', chains, [
    'info',
    "another controller's scheduling gate holds a pod",
    'see the owner of the gate named; the reservation aborts at its deadline',
  ]),
  CrashLooping: row('pods', chains, ['error', 'an engine ends again and again', 'read the log of the pod named']),
  ImagePullFailed: row('pods', chains, [
    'error',
    'the engine image cannot be pulled',
    'check the digest and the pull secret',
  ]),
  StageRestarted: row(
    'pods',
    ['mr'],
    ['warning', 'a stage restarted and lost its KV', 'nothing to do; turns are replayed'],
  ),
  NodeLost: row(
    'pods',
    ['wf', 'md', 'mr'],
    ['error', 'the node of a wafer does not answer', 'bring the host back or replace it'],
  ),
} as const;

const updating = {
  Reserving: row('updating', chains, ['info', 'wafers of the plan are being claimed', 'wait']),
  ReserveTimedOut: row(
    'updating',
    ['mr'],
    [
      'warning',
      'the reservation passed its deadline and was aborted',
      'see what held it; it is tried again with the next epoch',
    ],
  ),
  RollingOut: row('updating', ['md'], ['info', 'replicas are being replaced by the newest revision', 'wait']),
  RolloutStalled: row(
    'updating',
    ['md'],
    [
      'error',
      'the rollout made no progress within progressDeadlineSeconds',
      'see the reason of the newest replica; fix the spec or roll it back',
    ],
  ),
  RolledBack: row(
    'updating',
    ['md'],
    ['error', 'the rollout failed and the revision before it serves again', 'fix the spec and apply it again'],
  ),
  ScalingUp: row('updating', ['md'], ['info', 'replicas are being added', 'wait']),
  ScalingDown: row('updating', ['md'], ['info', 'replicas are being retired', 'wait']),
  Retiring: row('updating', chains, ['info', 'the replica drains, parks and gives its wafers back', 'wait']),
  DrainTimedOut: row(
    'updating',
    ['mr'],
    [
      'warning',
      'turns were still open when the drain bound passed',
      'raise spec.drain.timeoutSeconds if turns are longer than that',
    ],
  ),
  Repairing: row('updating', chains, ['warning', 'a broken chain is being repaired', 'see the wafer or pod named']),
} as const;

const config = {
  InvalidSpec: row('config', every, ['error', 'the spec breaks a rule', 'change the field named']),
  ModelNotFound: row(
    'config',
    ['md', 'mr'],
    ['error', 'no Model has the name of spec.modelRef', 'create it or correct the name'],
  ),
  ModelMismatch: row(
    'config',
    ['md', 'mr'],
    ['error', 'the model does not fit what the deployment asks', 'lower contextTokensMean, or name another model'],
  ),
  TierNotFound: row(
    'config',
    ['at', 'tn', 'md'],
    ['error', 'no AccessTier has this name', 'create it or correct the name'],
  ),
  PoolNotFound: row(
    'config',
    ['wf', 'cph', 'wp', 'md'],
    ['error', 'no WaferPool, WaferClass or CapacityPhase has this name', 'create it or correct the name'],
  ),
  ServedNameConflict: row(
    'config',
    ['md'],
    [
      'error',
      'an older deployment serves this name in the same tier and region',
      'choose another servedName, or split tiers and regions',
    ],
  ),
  SlotConflict: row(
    'config',
    ['wf', 'wp'],
    ['error', 'two wafers of the pool say the same slot', 'correct the slot label of one node'],
  ),
  ResidencyViolation: row(
    'config',
    ['md', 'tn'],
    [
      'error',
      'a region or fallback has no pool that carries every residency class listed',
      'change residency, regions or pools',
    ],
  ),
  NamespaceNotEnabled: row(
    'config',
    ['mdl', 'md', 'mr'],
    ['error', 'the namespace does not allow engines', 'label it reticle.dev/engines=enabled'],
  ),
  UnsupportedVersion: row('config', every, [
    'error',
    'this operator cannot read the object',
    'update the operator; running pods are left alone',
  ]),
  StillReferenced: row(
    'config',
    ['wc', 'wp', 'wf', 'cph', 'at', 'mdl'],
    ['warning', 'the object is being deleted while others need it', 'remove or change the holders named'],
  ),
} as const;

const upstream = {
  ProbeFailed: row(
    'upstream',
    ['md', 'mr'],
    ['error', 'the fixed prompt did not go round the chain', 'read the log of the head'],
  ),
  SlowerThanPlan: row(
    'upstream',
    ['md', 'mr'],
    [
      'warning',
      'the chain decodes below its plan',
      'look for a slow stage or hop; run reticle calibrate if every chain is slow',
    ],
  ),
  UpstreamUnreachable: row(
    'upstream',
    ['md', 'mr'],
    ['error', 'the upstream endpoint does not answer', 'check the endpoint named'],
  ),
  WaferUnhealthy: row('upstream', ['wf', 'wp', 'mr'], ['error', 'a wafer reports a fault', 'repair the wafer named']),
  WaferIdMismatch: row(
    'upstream',
    ['wf', 'mr'],
    [
      'error',
      'the node came back with another wafer',
      'correct the node label, or delete the Wafer when nothing runs on it',
    ],
  ),
  BurnInFailed: row(
    'upstream',
    ['wf', 'cph'],
    ['error', 'a wafer did not pass its burn-in', 'replace the wafer named'],
  ),
  GateFailed: row(
    'upstream',
    ['cph'],
    ['error', 'a gate of the phase is red', 'see what the gate measures; the ramp steps back'],
  ),
  TelemetryStale: row(
    'upstream',
    ['wp', 'cph', 'md', 'mr'],
    ['warning', 'what is measured is too old to act on', 'check the signal path; nothing is scaled down meanwhile'],
  ),
  ParkStoreUnavailable: row(
    'upstream',
    ['md', 'mr'],
    ['warning', 'KV cannot be parked', 'check the park store; sessions replay meanwhile'],
  ),
} as const;

const control = {
  CacheStale: row('control', every, [
    'warning',
    'the operator sees the API server late',
    'check the API server; nothing is decided meanwhile',
  ]),
  ClaimConflict: row(
    'control',
    ['wf', 'mr'],
    ['info', 'another plan took the wafer first', 'nothing to do; a new plan is made'],
  ),
  FencedByHigherEpoch: row('control', ['wf', 'mr'], ['info', 'a later epoch owns the wafer', 'nothing to do']),
  SnapshotGuardTripped: row(
    'control',
    ['md', 'wp'],
    [
      'error',
      'the serving snapshot would remove too much and is not published',
      'see what it removes; confirm with reticle drain --confirm-mass',
    ],
  ),
  InvariantBroken: row(
    'control',
    [...chains, ...places],
    [
      'error',
      'the operator found a state that must not be and stopped allocating',
      'page the operator team with the object named; serving goes on',
    ],
  ),
} as const;

/** Reason → what it means. */
export const reasons = { ...ok, ...capacity, ...pods, ...updating, ...config, ...upstream, ...control } as const;
export type Reason = keyof typeof reasons;

/** Every reason, in the order of the registry. */
export const reasonNames = Object.keys(reasons) as readonly Reason[];

/** Message of a condition: what the reason means, and the detail at hand. */
export function reasonMessage(reason: Reason, detail?: string): string {
  const { text } = reasons[reason];
  return detail === undefined || detail === '' ? text : `${text}: ${detail}`;
}

/** Why a chain finds no place; closed (OPERATOR §4). */
export const noFitCodes = [
  'NoPoolInRegion',
  'ClassMismatch',
  'PhaseNotOpen',
  'ResidencyForbidden',
  'PoolsCordoned',
  'PoolTooSmall',
  'FreeWafersShort',
  'WindowShort',
  'SparesShort',
  'LayerExceedsSram',
  'KvShort',
  'FloorUnmet',
  'Earmarked',
  'SurgeBudget',
  'WafersUnknown',
] as const;
export type NoFitCode = (typeof noFitCodes)[number];

/** Questions that conditions answer (OPERATOR §3, §4). */
export const conditionTypes = [
  'Accepted',
  'Ready',
  'Available',
  'Progressing',
  'Degraded',
  'ScalingActive',
  'Reserved',
  'Bound',
  'Healthy',
  'BurnedIn',
  'Schedulable',
] as const;
export type ConditionType = (typeof conditionTypes)[number];

/** `metav1.Condition` with types and reasons of this registry. */
export type Condition = {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: Reason;
  readonly message: string;
  /** A reader ignores a condition of another generation (OPERATOR §1 rule 7). */
  readonly observedGeneration: number;
  /** RFC 3339 in UTC. */
  readonly lastTransitionTime: string;
};
