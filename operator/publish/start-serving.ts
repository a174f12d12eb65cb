import type { Clock } from '@reticle/core/flow';
import type { Logger } from '@reticle/core/process';
import { resources, type Kube, type KubeResult } from '@reticle/operator/cluster';
import { Publisher, type ServingSource, type SnapshotBus } from './publisher.ts';
import { ServingKeeper } from './serving-keeper.ts';
import type { ServingCell, ServingHeads } from './serving-snapshot.ts';
import { raiseTerm, type ServingRef } from './serving-term.ts';

export type ServingOptions = {
  /** Of a process that leads (`whileLeading`). */
  readonly kube: Kube;
  readonly clock: Clock;
  readonly log: Logger;
  readonly source: ServingSource;
  /** The ConfigMap `reticle-serving`, in the operator's own namespace. */
  readonly ref: ServingRef;
  readonly heads: ServingHeads;
  /** Each with the bus of its region. */
  readonly cells: readonly { readonly cell: ServingCell; readonly bus: SnapshotBus }[];
  /** `SnapshotGuardTripped` of a cell: why, or undefined when it has ended. */
  readonly onGuard?: (cell: ServingCell, problem: string | undefined) => void;
};

export type RunningServing = {
  readonly term: number;
  stop(): void;
};

/** On a ModelDeployment, with the term that it is meant for: many replicas may go at once (OPERATOR §23). */
export const CONFIRM_MASS = 'reticle.dev/confirm-mass';

/** Publishes the snapshots of all cells for one leadership: raises the term first, so that an earlier one is ignored. */
export async function startServing(options: ServingOptions): Promise<KubeResult<RunningServing>> {
  const { kube, clock, log, source, ref, heads, cells, onGuard } = options;
  const raised = await raiseTerm(kube, ref);
  if (!raised.ok) return raised;
  const { term, kept } = raised.value;
  /** All of them know that the cells share one object. */
  const shared = cells.length;
  const running = cells.map(({ cell, bus }) => {
    const keeper = new ServingKeeper({ kube, clock, log, ref, cell: cell.name, term, cells: shared });
    const publisher = new Publisher({
      source,
      bus,
      clock,
      log,
      cell,
      heads,
      term,
      before: kept.get(cell.name),
      onPublished: (bytes, snapshot) => keeper.offer(bytes, snapshot),
      onGuard: (problem) => onGuard?.(cell, problem),
      confirmed: () => takeConfirmation(options, term),
    });
    publisher.start();
    return { publisher, keeper };
  });
  const stop = (): void => {
    for (const { publisher, keeper } of running) {
      publisher.stop();
      keeper.stop();
    }
  };
  return { ok: true, value: { term, stop } };
}

/** A confirmation is good for one snapshot of this term: it is taken away with its use. */
function takeConfirmation({ source, kube, log }: ServingOptions, term: number): boolean {
  const found = source
    .objects()
    .find(({ kind, meta }) => kind === 'ModelDeployment' && meta.annotations[CONFIRM_MASS] === String(term));
  if (found === undefined) return false;
  const { name, namespace = '', resourceVersion } = found.meta;
  const body = { metadata: { annotations: { [CONFIRM_MASS]: null } } };
  const ref = { name, namespace };
  void kube.patch(resources.modelDeployment, ref, { kind: 'merge', body, resourceVersion }).then((answer) => {
    if (!answer.ok) log.warn('a confirmation could not be taken away', { reason: answer.failure.kind });
  });
  return true;
}
