import { refOf, type Action } from '../action.ts';
import type { ReplicaView } from '../replica-view.ts';
import { GRACE_EXTRA_SECONDS, podRef } from '../retire/retire.ts';
import { releaseActions } from './reserve.ts';

/**
 * What an earlier epoch left of a replica that has gone on to another: a process that knew little wrote it. Wafers that
 * the plan does not name are given back, pods of earlier epochs are stopped.
 */
export function strayActions(view: ReplicaView): readonly Action[] {
  const { replica, held, pods } = view;
  const { plan, epoch } = replica.spec;
  const planned = new Set(plan?.stages.map(({ wafer }) => wafer));
  const claims = held.filter(({ state, claim }) => claim.replicaEpoch < epoch && !planned.has(state.wafer.meta.name));
  const left = pods.filter((pod) => pod.epoch < epoch && pod.deletionMs === undefined);
  const releases = releaseActions(view, claims);
  if (left.length === 0) return releases;
  const body = { budgets: [], pods: left.map(podRef), graceSeconds: GRACE_EXTRA_SECONDS };
  return [...releases, { kind: 'stopPods', target: refOf(replica), because: 'Repairing', body }];
}
