import { sameValue } from './same-value.ts';
import { rule, updateRule, writeRule, type Finding, type SchemaNode } from './schema.ts';

/** What the rules read of a replica. */
type Fenced = {
  readonly inputs: { readonly engine: { readonly driver: string } };
  readonly desired: 'Run' | 'Retire';
  readonly retire?: { readonly epoch: number };
  readonly epoch: number;
  readonly plan?: {
    readonly pool?: string;
    readonly stages: readonly { readonly stage: number; readonly wafer?: string; readonly waferEpoch?: number }[];
  };
  readonly fence?: { readonly epoch: number; readonly outcome: 'Pending' | 'Committed' | 'Aborted' };
};

const at = (field: keyof Fenced, message: string): readonly Finding[] => [{ at: [field], message }];

/** Nodes of the parts that rules compare as a whole. */
type Parts = { readonly plan: SchemaNode; readonly fence: SchemaNode; readonly retire: SchemaNode };

/** OPERATOR §3, verbatim: an epoch has one plan and one outcome, and none is skipped or taken back. */
export const replicaRules = ({ plan, fence, retire }: Parts) => [
  ...epochRules(plan),
  ...fenceRules(fence),
  ...retireRules(retire),
  ...planRules,
];

const epochRules = (plan: SchemaNode) =>
  [
    updateRule<Fenced>(
      'mr1',
      'self.epoch == oldSelf.epoch || self.epoch == oldSelf.epoch + 1',
      'epoch stays or rises by 1 (read the replica again)',
      (self, { epoch }) =>
        self.epoch === epoch ||
        self.epoch === epoch + 1 ||
        at('epoch', `${self.epoch} does not follow ${epoch} (read the replica again)`),
    ),
    updateRule<Fenced>(
      'mr2',
      'self.epoch > oldSelf.epoch || (has(self.plan) == has(oldSelf.plan) && (!has(self.plan) || self.plan == oldSelf.plan))',
      'a new plan is a new epoch (raise epoch by 1)',
      (self, oldSelf) =>
        self.epoch > oldSelf.epoch ||
        sameValue(plan, self.plan, oldSelf.plan) ||
        at('plan', `belongs to epoch ${oldSelf.epoch} and cannot change in it (raise epoch by 1)`),
    ),
    updateRule<Fenced>(
      'mr3',
      "self.epoch == oldSelf.epoch || !has(oldSelf.fence) || oldSelf.fence.outcome != 'Pending'",
      'a new epoch needs the outcome of the old one (commit or abort it first)',
      (self, oldSelf) =>
        self.epoch === oldSelf.epoch ||
        oldSelf.fence?.outcome !== 'Pending' ||
        at('epoch', `cannot rise while the fence of epoch ${oldSelf.epoch} is Pending (commit or abort it first)`),
    ),
    writeRule<Fenced>(
      'mr9',
      'oldSelf.hasValue() || (self.epoch == 0 && !has(self.plan) && !has(self.fence) && !has(self.retire))',
      'a replica is created with epoch 0 and without plan, fence and retire (remove them)',
      (self, oldSelf) =>
        oldSelf !== undefined ||
        (self.epoch === 0 && self.plan === undefined && self.fence === undefined && self.retire === undefined) ||
        at('epoch', 'is 0 at first, without plan, fence and retire (remove them)'),
    ),
  ] as const;

const fenceRules = (fence: SchemaNode) =>
  [
    updateRule<Fenced>(
      'mr4',
      '!has(oldSelf.fence) || (has(self.fence) && (self.fence.epoch > oldSelf.fence.epoch || ' +
        "oldSelf.fence.outcome == 'Pending' || self.fence == oldSelf.fence))",
      'a decided outcome never changes (plan a new epoch)',
      (self, { fence: old }) =>
        old === undefined ||
        (self.fence !== undefined &&
          (self.fence.epoch > old.epoch || old.outcome === 'Pending' || sameValue(fence, self.fence, old))) ||
        at('fence', `epoch ${old.epoch} is ${old.outcome}; an outcome is never taken back (plan a new epoch)`),
    ),
    rule<Fenced>(
      'mr5',
      'has(self.fence) == has(self.plan) && (!has(self.fence) || self.fence.epoch == self.epoch)',
      'fence and plan come together, and the fence is of this epoch (write both)',
      (self) =>
        ((self.fence === undefined) === (self.plan === undefined) &&
          (self.fence === undefined || self.fence.epoch === self.epoch)) ||
        at('fence', `and plan come together, of epoch ${self.epoch} (write both)`),
    ),
    updateRule<Fenced>(
      'mr8',
      "self.epoch == oldSelf.epoch || (has(self.fence) && self.fence.outcome == 'Pending')",
      'a new epoch begins with a Pending fence (write plan and fence with it)',
      (self, oldSelf) =>
        self.epoch === oldSelf.epoch ||
        self.fence?.outcome === 'Pending' ||
        at('fence', `of the new epoch ${self.epoch} begins Pending (write plan and fence with it)`),
    ),
  ] as const;

const retireRules = (retire: SchemaNode) =>
  [
    updateRule<Fenced>(
      'mr6',
      "oldSelf.desired != 'Retire' || (self.desired == 'Retire' && self.epoch == oldSelf.epoch)",
      'Retire is for good: no Run and no further epoch (the deployment makes another replica)',
      (self, oldSelf) =>
        oldSelf.desired !== 'Retire' ||
        (self.desired === 'Retire' && self.epoch === oldSelf.epoch) ||
        at('desired', 'Retire is for good: no Run and no further epoch (the deployment makes another replica)'),
    ),
    updateRule<Fenced>(
      'mr7',
      '(!has(self.retire) || self.retire.epoch <= self.epoch) && (!has(oldSelf.retire) || ' +
        '(has(self.retire) && (self.retire.epoch > oldSelf.retire.epoch || self.retire == oldSelf.retire)))',
      'retire.epoch only grows, up to epoch (retire the present epoch)',
      (self, { retire: old }) =>
        ((self.retire === undefined || self.retire.epoch <= self.epoch) &&
          (old === undefined ||
            (self.retire !== undefined && (self.retire.epoch > old.epoch || sameValue(retire, self.retire, old))))) ||
        at('retire', `epoch only grows, up to ${self.epoch} (retire the present epoch)`),
    ),
  ] as const;

const planRules = [
  rule<Fenced>(
    'mr10',
    '!has(self.plan) || self.plan.stages.all(i, s, s.stage == i)',
    'stages stand in order, from 0 (sort them)',
    ({ plan: planned }) =>
      (planned?.stages ?? []).flatMap(({ stage }, index): Finding[] =>
        stage === index
          ? []
          : [{ at: ['plan', 'stages', index, 'stage'], message: `is ${stage} at place ${index} (sort the stages)` }],
      ),
  ),
  rule<Fenced>(
    'mr11',
    "!has(self.plan) || (has(self.plan.pool) == (self.inputs.engine.driver == 'WaferSim') && self.plan.stages.all(s, " +
      "has(s.wafer) == (self.inputs.engine.driver == 'WaferSim') && has(s.waferEpoch) == has(s.wafer)))",
    'pool, wafer and waferEpoch stand in a plan exactly for driver WaferSim (add or remove them)',
    (self) => {
      if (self.plan === undefined) return true;
      const { driver } = self.inputs.engine;
      const isWafer = driver === 'WaferSim';
      const sound = self.plan.stages.every(
        ({ wafer, waferEpoch }) => (wafer !== undefined) === isWafer && (waferEpoch !== undefined) === isWafer,
      );
      return (
        (sound && (self.plan.pool !== undefined) === isWafer) ||
        at('plan', `has pool, wafer and waferEpoch ${isWafer ? '' : 'not '}for driver ${driver} (correct it)`)
      );
    },
  ),
] as const;
