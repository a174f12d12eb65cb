import { reasons, utcMs, type Condition, type NoFitCode, type Reason, type ReasonClass } from '@reticle/operator/api';
import { currentConditions, subjectName, type Subject } from './world.ts';

/** One step of an explanation: an object or a fact, and what it says. */
export type Cause = {
  /** `md/agent-1t`, `pod/…`, `gate burn-in`. */
  readonly subject: string;
  /** 0: the object that was asked for. */
  readonly depth: number;
  readonly text: string;
  /** Of the registry; absent for plain facts. */
  readonly reason?: Reason;
  readonly code?: NoFitCode;
  readonly class?: ReasonClass;
  /** Since when it has been so. */
  readonly sinceMs?: number;
};

/** Order in which conditions are asked; the first that is bad is the object's word. */
const order: readonly Condition['type'][] = [
  'Accepted',
  'Healthy',
  'BurnedIn',
  'Schedulable',
  'Ready',
  'Available',
  'Progressing',
  'Degraded',
  'ScalingActive',
  'Reserved',
  'Bound',
];

/** The condition that an object is judged by: the first bad one; undefined when none is. */
export function badCondition(subject: Subject): Condition | undefined {
  const bad = currentConditions(subject).filter(isBad);
  return bad.toSorted((a, b) => order.indexOf(a.type) - order.indexOf(b.type))[0];
}

function isBad({ type, status }: Condition): boolean {
  return type === 'Degraded' ? status === 'True' : status !== 'True';
}

/** What a condition says, as a cause. */
export function conditionCause(subject: Subject, { type, status, ...rest }: Condition, depth: number): Cause {
  const { reason, message, lastTransitionTime } = rest;
  const sinceMs = utcMs(lastTransitionTime);
  return {
    subject: subjectName(subject),
    depth,
    text: `${type}=${status} ${reason}: ${message}`,
    reason,
    class: reasons[reason].class,
    ...(sinceMs === undefined ? {} : { sinceMs }),
  };
}
