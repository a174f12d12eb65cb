import { servedNames } from './acceptance.ts';
import type { Action, Finding } from './action.ts';
import { retireAction } from './deployment-step.ts';
import { phaseActions } from './phase/phase-status.ts';
import { placeAll } from './place-all.ts';
import type { PlanMemo } from './plan-memo.ts';
import { isResting, partOf, restingPart, wakesOf, wantingOf, writesOf, type Part } from './plan-part.ts';
import { replicaStep } from './replica-step.ts';
import { heldByReplica, replicaFacts, replicaView, type HeldWafer } from './replica-view.ts';
import type { Snapshot } from './snapshot.ts';

/*
 * One pass (OPERATOR §8): every deployment decides which replicas it wants, every replica its next step, and the ones
 * without wafers are placed together. Pure and synchronous; the same snapshot gives the same bytes, whatever the memo
 * holds. A replica does one thing at a time: one that is told to retire in a pass does nothing else in it.
 *
 * Deployments that rest are known by identity (snapshots share what did not change), so a pass costs what changed.
 */

export type Plan = {
  readonly actions: readonly Action[];
  readonly findings: readonly Finding[];
  /** When time alone would change the plan. */
  readonly wakeAtMs?: number;
};

export function plan(snapshot: Snapshot, memo: PlanMemo): Plan {
  const held = heldByReplica([...snapshot.pools.values()].map((pool) => memo.held(pool)));
  const { parts, wakes } = awakeParts(snapshot, memo, held);
  const placed = placeAll(
    snapshot,
    memo,
    parts.flatMap((part) => wantingOf(snapshot, memo, part)),
  );
  const actions: Action[] = [];
  const findings: Finding[] = [...placed.findings];
  for (const part of parts) {
    const written = writesOf(snapshot, part, placed);
    actions.push(...written);
    findings.push(...part.step.findings, ...part.replicas.flatMap(({ step }) => step.findings ?? []));
    wakes.push(...wakesOf(part));
    memo.rest(part.deployment.meta.uid, restingPart(snapshot, part, written));
  }
  memo.forget((uid) => snapshot.deployments.has(uid));
  const phases = phaseActions(snapshot, memo);
  actions.push(...orphanActions(snapshot, held), ...phases.actions);
  // A node that is not Ready counts as lost at a time that no event announces.
  const lost = [...snapshot.pools.values()].map(({ changesAtMs = Infinity }) => changesAtMs);
  const wakeAtMs = [...wakes, ...phases.wakes, ...lost]
    .filter((atMs) => atMs > snapshot.nowMs)
    .reduce((least, atMs) => Math.min(least, atMs), Infinity);
  return { actions, findings, ...(wakeAtMs === Infinity ? {} : { wakeAtMs }) };
}

type Held = ReadonlyMap<string, readonly HeldWafer[]>;
type Awake = { readonly parts: readonly Part[]; readonly wakes: number[] };

/** Deployments that may have something to do, and the times that the others wait for. */
function awakeParts(snapshot: Snapshot, memo: PlanMemo, held: Held): Awake {
  const names = servedNames(snapshot);
  const parts: Part[] = [];
  const wakes: number[] = [];
  for (const deployment of snapshot.deployments.values()) {
    const resting = memo.resting(deployment.meta.uid);
    if (resting !== undefined && isResting(snapshot, resting, { deployment, held, names }))
      wakes.push(resting.wakeAtMs);
    else parts.push(partOf(snapshot, memo, { deployment, held, names }));
  }
  return { parts, wakes };
}

/** Replicas whose deployment is gone finish what they do; with nobody to want them they are retired. */
function orphanActions(snapshot: Snapshot, held: Held): readonly Action[] {
  const actions: Action[] = [];
  for (const [uid, replicas] of snapshot.replicas) {
    if (snapshot.deployments.has(uid)) continue;
    for (const replica of replicas) {
      const view = replicaView(replicaFacts(snapshot, replica, held));
      const retire = retireAction(snapshot, view, 'DeploymentDeleted');
      actions.push(...(retire.length > 0 ? retire : replicaStep(view).actions));
    }
  }
  return actions;
}
