import { reasonMessage, type Condition, type ConditionType, type Reason } from '@reticle/operator/api';
import { utcText } from '../digest/utc-text.ts';
import type { StoredObject } from '../facts.ts';

/** What a condition shall say. */
export type Said = {
  readonly type: ConditionType;
  readonly status: Condition['status'];
  readonly reason: Reason;
  readonly detail?: string;
};

const MESSAGE_MAX = 1_024;

/** The conditions of an object; one that says what it said keeps the time since when it does (OPERATOR §7 `status`). */
export function conditions({ meta, status }: StoredObject, said: readonly Said[], nowMs: number): readonly Condition[] {
  return said.map(({ type, status: value, reason, detail }) => {
    const before = status?.conditions?.find((condition) => condition.type === type);
    const since = before?.status === value ? before.lastTransitionTime : utcText(nowMs);
    return {
      type,
      status: value,
      reason,
      message: reasonMessage(reason, detail).slice(0, MESSAGE_MAX),
      observedGeneration: meta.generation,
      lastTransitionTime: since,
    };
  });
}
