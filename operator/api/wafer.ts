import { ageColumn, clusterKind, column, conditionColumn, wide, type ObjectOf } from './kind.ts';
import { digest, labelName, nodeName } from './names.ts';
import {
  enumOf,
  int,
  obj,
  opt,
  str,
  updateRule,
  withDefault,
  withRules,
  writeRule,
  type Finding,
  type Infer,
} from './schema.ts';
import { serviceRule, serviceStates } from './service.ts';
import { statusFields } from './status.ts';
import { sameValue } from './same-value.ts';
import { withFrozen } from './transition.ts';

/** Who has the wafer: one stage of one replica at one of its epochs. */
const claim = obj({
  namespace: labelName(),
  replica: labelName(),
  /** Of the ModelReplica; a namesake that was made later has another. */
  uid: str({ maxLength: 36 }),
  stage: int(0, 255),
  replicaEpoch: int(1),
  planDigest: digest(),
});
export type WaferClaim = Infer<typeof claim>;

const fields = obj({
  poolRef: labelName(),
  classRef: labelName(),
  phaseRef: opt(labelName()),
  slot: int(0, 255),
  rack: labelName(),
  nodeName: nodeName(),
  service: withDefault(enumOf(serviceStates), 'Open'),
  serviceReason: opt(str()),
  /** The fencing number that the host checks; every new or changed claim raises it by one. */
  epoch: withDefault(int(0), 0),
  /** The only place a claim lives (OPERATOR §3). */
  claim: opt(claim),
});
type Fields = Infer<typeof fields>;

const sameClaim = (a: WaferClaim | undefined, b: WaferClaim | undefined) => sameValue(claim.node, a, b);
const at = (field: keyof Fields, message: string): readonly Finding[] => [{ at: [field], message }];

/** OPERATOR §3, verbatim: no theft, no claim without a new epoch, no way back. */
const rules = [
  updateRule<Fields>(
    'wf1',
    'self.epoch >= oldSelf.epoch',
    'epoch never goes down (read the wafer again)',
    (self, oldSelf) =>
      self.epoch >= oldSelf.epoch ||
      at('epoch', `${self.epoch} is below ${oldSelf.epoch}; it never goes down (read the wafer again)`),
  ),
  updateRule<Fields>(
    'wf2',
    '!has(oldSelf.claim) || !has(self.claim) || self.claim.uid == oldSelf.claim.uid',
    'claim is held by another replica (wait until it is released)',
    ({ claim: next }, { claim: held }) =>
      held === undefined ||
      next === undefined ||
      next.uid === held.uid ||
      at('claim', `is held by ${held.namespace}/${held.replica} (wait until it is released)`),
  ),
  updateRule<Fields>(
    'wf3',
    '!has(self.claim) || (has(oldSelf.claim) && self.claim == oldSelf.claim) || self.epoch == oldSelf.epoch + 1',
    'a new or changed claim raises epoch by exactly 1 (add 1 to the epoch that you read)',
    (self, oldSelf) =>
      self.claim === undefined ||
      sameClaim(self.claim, oldSelf.claim) ||
      self.epoch === oldSelf.epoch + 1 ||
      at(
        'epoch',
        `must be ${oldSelf.epoch + 1} with a new or changed claim, not ${self.epoch} (add 1 to what you read)`,
      ),
  ),
  updateRule<Fields>(
    'wf4',
    '!has(oldSelf.claim) || !has(self.claim) || self.claim == oldSelf.claim || ' +
      'self.claim.replicaEpoch > oldSelf.claim.replicaEpoch',
    'the holder changes its claim for a later replica epoch alone (raise claim.replicaEpoch)',
    ({ claim: next }, { claim: held }) =>
      held === undefined ||
      next === undefined ||
      sameClaim(next, held) ||
      next.replicaEpoch > held.replicaEpoch || [
        {
          at: ['claim', 'replicaEpoch'],
          message: `${next.replicaEpoch} is not above ${held.replicaEpoch}, the epoch of the claim (raise it)`,
        },
      ],
  ),
  updateRule<Fields>(
    'wf5',
    'self.epoch == oldSelf.epoch || (has(self.claim) && (!has(oldSelf.claim) || self.claim != oldSelf.claim))',
    'epoch changes with a new or changed claim alone (leave it as it is)',
    (self, oldSelf) =>
      self.epoch === oldSelf.epoch ||
      (self.claim !== undefined && !sameClaim(self.claim, oldSelf.claim)) ||
      at('epoch', `stays ${oldSelf.epoch} without a new or changed claim (leave it as it is)`),
  ),
  updateRule<Fields>(
    'wf6',
    "has(oldSelf.claim) || !has(self.claim) || (self.service == 'Open' && oldSelf.service == 'Open')",
    'a wafer is claimed only while service is Open (open it first, or take another wafer)',
    (self, oldSelf) =>
      oldSelf.claim !== undefined ||
      self.claim === undefined ||
      (self.service === 'Open' && oldSelf.service === 'Open') ||
      at('claim', 'a wafer is claimed only while service is Open (open it first, or take another wafer)'),
  ),
  updateRule<Fields>(
    'wf7',
    '!has(oldSelf.claim) || (self.slot == oldSelf.slot && self.rack == oldSelf.rack && self.nodeName == oldSelf.nodeName)',
    'slot, rack and nodeName are frozen while the wafer is claimed (drain the replica first)',
    (self, oldSelf) =>
      oldSelf.claim === undefined ||
      (['slot', 'rack', 'nodeName'] as const).flatMap((name) =>
        self[name] === oldSelf[name] ? [] : at(name, 'is frozen while the wafer is claimed (drain the replica first)'),
      ),
  ),
  writeRule<Fields>(
    'wf8',
    'oldSelf.hasValue() || !has(self.claim)',
    'a wafer is created without a claim (remove claim; the operator claims it)',
    (self, oldSelf) =>
      oldSelf !== undefined ||
      self.claim === undefined ||
      at('claim', 'a wafer is created without a claim (remove it; the operator claims it)'),
  ),
] as const;

const spec = withFrozen(
  withRules(fields, ...rules, serviceRule('wf10')),
  'wf9',
  ['poolRef', 'classRef'],
  'delete the Wafer when nothing runs on it; the pool makes it anew',
);

const status = obj({
  ...statusFields(),
  phase: opt(enumOf(['Free', 'Reserved', 'Running', 'Draining', 'Degraded', 'Lost', 'Unknown'])),
  hardwareId: opt(str()),
  bootId: opt(str()),
  /** Digest of the shard whose weights the wafer holds. */
  residentShardDigest: opt(digest()),
  defectPermille: opt(int(0, 1_000)),
});

/** One wafer in a slot of a pool; a claim takes the whole of it (OPERATOR §2, §3). */
export const waferKind = clusterKind('Wafer', {
  spec,
  status,
  purpose: 'One wafer in a slot of a pool, and the one claim on it; made and claimed by the operator.',
  finalizer: 'reticle.dev/claim',
  plural: 'wafers',
  shortName: 'wf',
  columns: [
    column('Pool', '.spec.poolRef'),
    column('Slot', '.spec.slot', 'integer'),
    column('Phase', '.status.phase'),
    column('Replica', '.spec.claim.replica'),
    column('Stage', '.spec.claim.stage', 'integer'),
    conditionColumn('Healthy', 'Healthy'),
    column('Service', '.spec.service'),
    ageColumn,
    wide(column('Epoch', '.spec.epoch', 'integer')),
    wide(column('Node', '.spec.nodeName')),
    wide(column('Rack', '.spec.rack')),
  ],
  selectable: ['spec.poolRef', 'spec.nodeName', 'spec.claim.uid'],
});
export type Wafer = ObjectOf<typeof waferKind>;
export type WaferSpec = Infer<typeof spec>;
