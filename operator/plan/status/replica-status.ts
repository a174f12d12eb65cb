import { utcMs, type Reason } from '@reticle/operator/api';
import { refOf, type Action } from '../action.ts';
import { utcText } from '../digest/utc-text.ts';
import type { ReplicaPhase, StoredReplica } from '../facts.ts';
import { renderDiagnostic, type Diagnostic } from '../nofit/diagnostic.ts';
import { isReady, podsNow, type ReplicaView } from '../replica-view.ts';
import { sameValue } from '../same-value.ts';
import type { Step } from '../step.ts';
import { conditions, type Said } from './conditions.ts';

type Status = NonNullable<StoredReplica['status']>;

const DETAIL_MAX = 1_024;
/** States in which an epoch is being ended. */
const retiring = new Set<ReplicaPhase>(['Cordoned', 'Draining', 'Parking', 'Stopping', 'Releasing']);

/** Writes the replica's status when it says something else. */
export function replicaStatus(view: ReplicaView, step: Step, diagnostics: readonly Diagnostic[]): readonly Action[] {
  const { replica } = view;
  const status = statusOf(view, step, diagnostics);
  if (replica.status !== undefined && sameValue(status, replica.status)) return [];
  return [{ kind: 'setStatus', target: refOf(replica), because: step.reason, body: { status } }];
}

function statusOf(view: ReplicaView, step: Step, diagnostics: readonly Diagnostic[]): Status {
  const { replica, nowMs } = view;
  const phase = diagnostics.length > 0 ? 'NoFit' : step.phase;
  const attempts = attemptsOf(view, step);
  const warmup = replica.status?.warmup;
  const retireSince = retireSinceOf(view, step, phase);
  return {
    observedGeneration: replica.meta.generation,
    phase,
    observedEpoch: replica.spec.epoch,
    stagesReady: podsNow(view).filter((pod) => pod.ready).length,
    conditions: conditions(replica, said(view, step, diagnostics), nowMs),
    ...(attempts === 0 ? {} : { attempts }),
    ...(retireSince === undefined ? {} : { retireSince }),
    ...(warmup === undefined ? {} : { warmup }),
    ...(diagnostics.length === 0 ? {} : { diagnostics: diagnostics.map(rendered) }),
  };
}

function rendered(diagnostic: Diagnostic): NonNullable<Status['diagnostics']>[number] {
  const { code, subject } = diagnostic;
  return { code, subject, detail: renderDiagnostic(diagnostic).slice(0, DETAIL_MAX) };
}

/** When the present state of an epoch that is being ended began. */
function retireSinceOf(
  { replica: { status }, nowMs }: ReplicaView,
  step: Step,
  phase: ReplicaPhase,
): string | undefined {
  if (!retiring.has(phase) && step.wants !== 'repair') return undefined;
  return phase === status?.phase ? status.retireSince : utcText(nowMs);
}

/** Repairs within the window: one more when an epoch is ended for repair, none once the window is past. */
function attemptsOf({ replica, deployment, nowMs }: ReplicaView, { actions }: Step): number {
  const attempts = replica.status?.attempts ?? 0;
  if (actions.some((action) => action.kind === 'retire' && action.body.retire.reason === 'Repair')) return attempts + 1;
  const windowMs = (deployment?.spec.repair.windowSeconds ?? 0) * 1_000;
  return readyForMs(replica, nowMs) > windowMs ? 0 : attempts;
}

function readyForMs({ status }: StoredReplica, nowMs: number): number {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' ? nowMs - (utcMs(ready.lastTransitionTime) ?? nowMs) : 0;
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
