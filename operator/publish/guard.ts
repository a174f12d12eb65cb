import { ReplicaState } from '@reticle/proto/gen/serving/v1/ReplicaState';
import type { ServingSnapshot } from '@reticle/proto/gen/serving/v1/ServingSnapshot';
import { readSnapshot } from '@reticle/proto/serving';

/** Of a region's Ready replicas that may go without a word at once (OPERATOR §16). */
const GONE_SHARE_MAX = 0.3;

export type Guarded = {
  /** What is about to be published. */
  readonly bytes: Uint8Array;
  /** What was published last, by this operator or the one before. */
  readonly last: ServingSnapshot | undefined;
  /** A person has said that many replicas are gone (`reticle drain --confirm-mass`). */
  readonly confirmed: boolean;
};

export type GuardResult =
  | { readonly ok: ServingSnapshot; readonly problem?: never }
  /** Why it is not published; `mass` can be confirmed. */
  | { readonly problem: string; readonly mass: boolean; readonly ok?: never };

/**
 * Whether a snapshot may be published: its own reader takes it, and no region loses more than 30 % of its Ready replicas
 * that no retirement and no failed probe explains.
 */
export function guard({ bytes, last, confirmed }: Guarded): GuardResult {
  const { ok, problem } = readSnapshot(bytes);
  if (ok === undefined) return { problem, mass: false };
  const region = confirmed || last === undefined ? undefined : emptied(last, ok);
  return region === undefined ? { ok } : { problem: `replicas of ${region}: too many are gone`, mass: true };
}

/** A retirement or a failed probe leaves the row, in another state; what has no row any more has gone without a word. */
function emptied(last: ServingSnapshot, next: ServingSnapshot): string | undefined {
  const present = new Set(next.replicas.map(({ engineId }) => engineId));
  const serving = last.replicas.filter(({ state }) => state === ReplicaState.REPLICA_STATE_READY);
  for (const [region, ready] of Map.groupBy(serving, ({ region }) => region)) {
    const gone = ready.filter(({ engineId }) => !present.has(engineId));
    if (gone.length > GONE_SHARE_MAX * ready.length) return region;
  }
  return undefined;
}
