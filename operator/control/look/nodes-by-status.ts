import type { NodeFact, StoredObject, WaferFact } from '@reticle/operator/plan';

/**
 * What the operator last found of hosts, by the statuses of their wafers: for people who may not read nodes. A wafer
 * without a status counts as sound.
 */
export function nodesByStatus(objects: readonly StoredObject[]): {
  readonly nodes: readonly NodeFact[];
  readonly wafers: readonly WaferFact[];
} {
  const wafers = objects.filter((object) => object.kind === 'Wafer');
  const answering = new Map<string, boolean>();
  for (const { spec, status } of wafers) {
    const answers = status?.phase !== 'Lost' && status?.phase !== 'Unknown';
    answering.set(spec.nodeName, answers || answering.get(spec.nodeName) === true);
  }
  const nodes = [...answering].map(([name, ready]): NodeFact => {
    // A host that does not answer has not done so for longer than anybody waits.
    return { name, ready, readySinceMs: 0, unschedulable: false, waferCapacity: 1, burnedIn: true };
  });
  const found = wafers.map(({ meta, status }): WaferFact => {
    const isBurnedIn = status?.conditions?.find(({ type }) => type === 'BurnedIn')?.status !== 'False';
    return { wafer: meta.name, healthy: status?.phase !== 'Degraded', burnedIn: isBurnedIn };
  });
  return { nodes, wafers: found };
}
