import { utcMs, type Reason } from '@reticle/operator/api';
import { refOf, type Action } from '../action.ts';
import { utcText } from '../digest/utc-text.ts';
import type { StoredReplica } from '../facts.ts';
import { renderDiagnostic, type Diagnostic } from '../nofit/diagnostic.ts';
import { isReady, podsNow, type ReplicaView } from '../replica-view.ts';
import { sameValue } from '../same-value.ts';
import type { Step } from '../step.ts';
import { conditions, type Said } from './conditions.ts';

type Status = NonNullable<StoredReplica['status']>;

const DETAIL_MAX = 1_024;
/** States in which an epoch is being ended. */
const retiring = new Set(['Cordoned', 'Draining', 'Parking', 'Stopping', 'Releasing']);

/** Writes the replica's status when it says something else. */
export function replicaStatus(view: ReplicaView, step: Step, diagnostics: readonly Diagnostic[]): readonly Action[] {
  const { replica } = view;
  const status = statusOf(view, step, diagnostics);
  if (replica.status !== undefined && sameValue(status, replica.status)) return [];
  return [{ kind: 'setStatus', target: refOf(replica), because: step.reason, body: { status } }];
}

function statusOf(view: ReplicaView, step: Step, diagnostics: readonly Diagnostic[]): Status {
  const { replica, nowMs } = view;
  const isUnplaced = diagnostics.length > 0;
  const phase = isUnplaced ? 'NoFit' : step.phase;
  const ready = podsNow(view).filter((pod) => pod.ready).length;
  const attempts = attemptsOf(view, step);
  const since = phase === replica.status?.phase ? replica.status.retireSince : utcText(nowMs);
  const warmup = replica.status?.warmup;
  return {
    observedGeneration: replica.meta.generation,
    phase,
    observedEpoch: replica.spec.epoch,
    stagesReady: ready,
    conditions: conditions(replica, said(view, step, diagnostics), nowMs),
    ...(attempts === 0 ? {} : { attempts }),
    ...(since !== undefined && (retiring.has(phase) || step.wants === 'repair') ? { retireSince: since } : {}),
    ...(warmup === undefined ? {} : { warmup }),
    ...(isUnplaced
      ? {
          diagnostics: diagnostics.map((each) => ({
            code: each.code,
            subject: each.subject,
            detail: renderDiagnostic(each).slice(0, DETAIL_MAX),
          })),
        }
      : {}),
  };
}

/** Repairs within the window: one more when an epoch is ended for repair, none once the window is past. */
function attemptsOf({ replica, deployment, nowMs }: ReplicaView, { actions }: Step): number {
  const attempts = replica.status?.attempts ?? 0;
  const isEnding = actions.some((action) => action.kind === 'retire' && action.body.retire.reason === 'Repair');
  if (isEnding) return attempts + 1;
  const windowMs = (deployment?.spec.repair.windowSeconds ?? 0) * 1_000;
  const ready = replica.status?.conditions?.find(({ type }) => type === 'Ready');
  const quietMs = ready?.status === 'True' ? nowMs - (utcMs(ready.lastTransitionTime) ?? nowMs) : 0;
  return quietMs > windowMs ? 0 : attempts;
}

function said(view: ReplicaView, step: Step, diagnostics: readonly Diagnostic[]): readonly Said[] {
  const { fence, plan } = view.replica.spec;
  const isUnplaced = diagnostics.length > 0;
  const reason: Reason = isUnplaced ? 'NoFit' : step.reason;
  const [first] = diagnostics;
  const detail = first && renderDiagnostic(first);
  const isBound = fence?.outcome === 'Committed' && podsNow(view).every(({ gates }) => gates.length === 0);
  return [
    {
      type: 'Reserved',
      ...flag(fence?.outcome === 'Committed', 'Committed', plan === undefined ? reason : 'Reserving'),
    },
    { type: 'Bound', ...flag(isBound, 'Committed', 'PodsPending') },
    { type: 'Ready', ...flag(isReady(view), 'ProbePassed', reason), ...(detail === undefined ? {} : { detail }) },
  ];
}

function flag(isTrue: boolean, yes: Reason, no: Reason): Pick<Said, 'status' | 'reason'> {
  return isTrue ? { status: 'True', reason: yes } : { status: 'False', reason: no };
}
