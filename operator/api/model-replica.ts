import { engineFields, shape } from './engine.ts';
import { ageColumn, column, conditionColumn, namespacedKind, wide, type ObjectOf } from './kind.ts';
import { deploymentName, digest, labelName, regionName, revisionName } from './names.ts';
import { replicaRules } from './replica-rules.ts';
import { noFitCodes } from './reasons.ts';
import { enumOf, int, list, obj, opt, str, time, withDefault, withRules, type Infer } from './schema.ts';
import { count, statusFields } from './status.ts';
import { withFrozen } from './transition.ts';

/** Why an epoch of a replica ends (OPERATOR §11). */
export const retireReasons = [
  'RolloutSuperseded',
  'ScaledDown',
  'NodeDrain',
  'PoolEvacuate',
  'PhaseRetire',
  'Repair',
  'Defragment',
  'Preempted',
  'RegionRemoved',
  'DeploymentDeleted',
] as const;
export type RetireReason = (typeof retireReasons)[number];

/** Phases of a replica; from Cordoned on they are the states of retirement (OPERATOR §11). */
export const replicaPhases = [
  'Pending',
  'NoFit',
  'Reserving',
  'Binding',
  'Starting',
  'Ready',
  'Degraded',
  'Cordoned',
  'Draining',
  'Parking',
  'Stopping',
  'Releasing',
] as const;
export type ReplicaPhase = (typeof replicaPhases)[number];

const uid = () => str({ maxLength: 36 });

/** Ends `epoch` of the replica. */
const retire = obj({
  epoch: int(0),
  reason: enumOf(retireReasons),
  requestedAt: time(),
  deadlineSeconds: int(0, 86_400),
});

/** Layers of one stage, and what it keeps in its wafer. Without wafers (`Llama`, `Upstream`) the first two are absent. */
const stage = obj({
  wafer: opt(labelName()),
  /** What the wafer's epoch is with this claim. */
  waferEpoch: opt(int(1)),
  stage: int(0, 255),
  firstLayer: int(0, 1_023),
  lastLayer: int(0, 1_023),
  weightBytes: int(0),
  kvBytes: int(0),
  reserveBytes: int(0),
});
export type PlannedStage = Infer<typeof stage>;

const score = () => withDefault(int(0), 0);

const plan = obj({
  revision: int(1),
  /** SHA-256 of the plan's canonical JSON without epochs: it says what, the epoch says who. */
  digest: digest(),
  inputsDigest: digest(),
  plannedFromGeneration: int(0),
  inventoryRevision: opt(str()),
  profileDigest: opt(digest()),
  pool: opt(labelName()),
  stages: list(stage, { minItems: 1, maxItems: 256 }),
  /** What the choice cost, in the order of OPERATOR §9.3. */
  objective: withDefault(
    obj({
      spreadViolations: score(),
      hopNanos: score(),
      fragmentationDelta: withDefault(int(-1_000_000, 1_000_000), 0),
      stranded: score(),
      imbalancePermille: score(),
    }),
    {},
  ),
  predicted: obj({
    tokensPerSecond: int(0),
    streams: int(0),
    kvTokens: int(0),
    prefillTokensPerSecond: opt(int(0)),
    restoreMs: opt(int(0)),
    alphaClass: opt(enumOf(['none', 'moe', 'dense'])),
  }),
});
export type ReplicaPlan = Infer<typeof plan>;

/** Whether the plan of `epoch` holds: Pending until every wafer is claimed, then decided for good. */
const fence = obj({
  epoch: int(1),
  outcome: enumOf(['Pending', 'Committed', 'Aborted']),
  deadline: opt(time()),
});
export type ReplicaFence = Infer<typeof fence>;

/** What runs: the revision is the hash of these (OPERATOR §1 rule 11). */
const inputs = obj({ modelDigest: digest(), engine: engineFields, shape });

const fields = obj({
  deployment: obj({ name: deploymentName(), uid: uid() }),
  region: regionName(),
  ordinal: int(0, 9_999),
  revision: revisionName(),
  inputs,
  /** `Retire` is one-way: no further epoch. */
  desired: withDefault(enumOf(['Run', 'Retire']), 'Run'),
  retire: opt(retire),
  epoch: withDefault(int(0), 0),
  plan: opt(plan),
  fence: opt(fence),
});

const spec = withFrozen(
  withRules(fields, ...replicaRules({ plan: plan.node, fence: fence.node, retire: retire.node })),
  'mr12',
  ['deployment', 'region', 'ordinal', 'revision', 'inputs'],
  'retire the replica; its deployment makes another one',
);

/** One thing that a plan could not have; `detail` says needed against found and what would fit. */
const diagnostic = obj({ code: enumOf(noFitCodes), subject: str(), detail: str({ maxLength: 1_024 }) });

const status = obj({
  ...statusFields(),
  phase: opt(enumOf(replicaPhases)),
  observedEpoch: opt(int(0)),
  stagesReady: opt(int(0, 256)),
  /** What the probe of this epoch measured. */
  warmup: opt(obj({ tokensPerSecond: int(0), at: time() })),
  /** When the present state of retirement began. */
  retireSince: opt(time()),
  attempts: opt(count()),
  diagnostics: opt(list(diagnostic, { maxItems: 16 })),
});

/** One chain of a deployment: its plan, its epoch and its fence; written by the operator alone (OPERATOR §3, §10). */
export const modelReplicaKind = namespacedKind('ModelReplica', {
  spec,
  status,
  purpose: 'One chain of a deployment: its plan, its epoch and its fence; written by the operator alone.',
  finalizer: 'reticle.dev/drain',
  plural: 'modelreplicas',
  shortName: 'mr',
  columns: [
    column('Phase', '.status.phase'),
    conditionColumn('Ready', 'Ready'),
    conditionColumn('Reason', 'Ready', 'reason'),
    column('Region', '.spec.region'),
    column('Pool', '.spec.plan.pool'),
    column('Stages', '.status.stagesReady', 'integer'),
    column('Epoch', '.spec.epoch', 'integer'),
    ageColumn,
    wide(column('Plan', '.spec.plan.revision', 'integer')),
    wide(column('Revision', '.spec.revision')),
    wide(column('Tok/s planned', '.spec.plan.predicted.tokensPerSecond', 'integer')),
    wide(column('Retire', '.spec.retire.reason')),
  ],
  selectable: ['spec.region', 'spec.desired'],
});
export type ModelReplica = ObjectOf<typeof modelReplicaKind>;
export type ModelReplicaSpec = Infer<typeof spec>;
