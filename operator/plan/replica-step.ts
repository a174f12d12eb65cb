import { abortedStep, bindActions, missingChildren, reserveStep } from './reserve/reserve.ts';
import { strayActions } from './reserve/strays.ts';
import { damageOf, endBroken } from './repair/repair.ts';
import { releaseActions } from './reserve/reserve.ts';
import { refOf, type Action } from './action.ts';
import {
  hasBeenReady,
  isEnded,
  isReady,
  podsNow,
  stageCount,
  DRAIN_FINALIZER,
  type ReplicaView,
} from './replica-view.ts';
import { retireStep } from './retire/retire.ts';
import type { Step } from './step.ts';

/*
 * One replica, from its spec and what is observed (OPERATOR §10–§12):
 *
 *   fence     retire          step
 *   –         Run             place
 *   –         Retire          finalizer off
 *   Pending   Run             reserve
 *   Pending   Retire          abort, then as Aborted
 *   Aborted   Run             clean up, wait, place
 *   Aborted   Retire          clean up, finalizer off
 *   Committed epoch lives     bind, start, watch for damage
 *   Committed epoch ended     retire
 */
export function replicaStep(view: ReplicaView): Step {
  const { spec } = view.replica;
  if (spec.fence === undefined) return spec.desired === 'Run' ? unplanned(view) : goneStep(view);
  switch (spec.fence.outcome) {
    case 'Pending':
      return spec.desired === 'Run' ? withoutStrays(view, reserveStep(view)) : abortStep(view);
    case 'Aborted':
      return cleanUp(view);
    case 'Committed':
      return isEnded(spec) ? retireStep(view) : withoutStrays(view, runningStep(view));
  }
}

function withoutStrays(view: ReplicaView, step: Step): Step {
  const strays = strayActions(view);
  return strays.length === 0 ? step : { ...step, actions: [...step.actions, ...strays] };
}

function unplanned(view: ReplicaView): Step {
  // A claim of ours without a plan is a leftover of a re-created namesake's uid: it cannot be, and is given back.
  if (view.held.length > 0) return { phase: 'Pending', reason: 'Reserving', actions: releaseActions(view, view.held) };
  return { phase: 'Pending', reason: 'Reserving', actions: [], wants: 'place' };
}

function abortStep(view: ReplicaView): Step {
  const { replica } = view;
  const action: Action = {
    kind: 'abort',
    target: refOf(replica),
    because: 'Retiring',
    body: { epoch: replica.spec.epoch },
  };
  return { phase: 'Reserving', reason: 'Retiring', actions: [action] };
}

function cleanUp(view: ReplicaView): Step {
  const step = abortedStep(view);
  if (view.replica.spec.desired === 'Run' || view.pods.length > 0 || view.held.length > 0) return step;
  return goneStep(view);
}

function goneStep(view: ReplicaView): Step {
  const { replica } = view;
  if (!replica.meta.finalizers.includes(DRAIN_FINALIZER))
    return { phase: 'Releasing', reason: 'Retiring', actions: [] };
  const body = { finalizer: DRAIN_FINALIZER };
  return {
    phase: 'Releasing',
    reason: 'Retiring',
    actions: [{ kind: 'release', target: refOf(replica), because: 'Retiring', body }],
  };
}

function runningStep(view: ReplicaView): Step {
  const damage = damageOf(view);
  if (damage !== undefined && 'detail' in damage) {
    return { phase: 'Degraded', reason: 'Repairing', actions: [endBroken(view)] };
  }
  const actions = [...missingChildren(view), ...bindActions(view)];
  const wakes = damage === undefined ? {} : { wakeAtMs: damage.recheckAtMs };
  if (isReady(view)) return { phase: 'Ready', reason: 'ProbePassed', actions, ...wakes };
  if (hasBeenReady(view)) return { phase: 'Degraded', reason: 'PodsNotReady', actions, ...wakes };
  const bound = podsNow(view).filter(({ phase }) => phase === 'Running').length;
  const isStarting = actions.length === 0 && bound === stageCount(view);
  const starting = { phase: 'Starting', reason: 'PodsNotReady' } as const;
  return { ...(isStarting ? starting : { phase: 'Binding', reason: 'PodsPending' }), actions, ...wakes };
}
