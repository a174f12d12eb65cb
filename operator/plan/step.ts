import type { Reason } from '@reticle/operator/api';
import type { Action, Finding } from './action.ts';
import type { ReplicaPhase } from './facts.ts';

/** What a replica does next: the writes of one step, and what it waits for (STYLE §2 row 6). */
export type Step = {
  readonly phase: ReplicaPhase;
  readonly reason: Reason;
  readonly actions: readonly Action[];
  readonly findings?: readonly Finding[];
  /** When time alone would change the step. */
  readonly wakeAtMs?: number;
  /** It needs a new plan; `repair` keeps what it still holds. */
  readonly wants?: 'place' | 'repair';
};
