import type { KubeObject } from '@reticle/operator/cluster';
import type { NodeFact } from '@reticle/operator/plan';
import { labels, WAFER_RESOURCE } from '../labels.ts';
import { conditionIn, fieldsOf, known, NO_CONDITION, textOf, timeOf, wholeOf } from './fields.ts';

/** What a node says of itself and its wafers (OPERATOR §23 "Evidence"). */
export function nodeFact(node: KubeObject): NodeFact {
  const { metadata } = node;
  const status = fieldsOf(node.status);
  const ready = conditionIn(status, 'Ready') ?? NO_CONDITION;
  return {
    name: metadata.name,
    ready: ready.isTrue,
    readySinceMs: ready.sinceMs ?? timeOf(metadata.creationTimestamp) ?? 0,
    unschedulable: fieldsOf(node.spec)['unschedulable'] === true,
    waferCapacity: wholeOf(fieldsOf(status['allocatable'])[WAFER_RESOURCE]) ?? 0,
    ...known({
      bootId: textOf(fieldsOf(status['nodeInfo'])['bootID']),
      waferId: textOf(metadata.labels?.[labels.waferId]),
      waferHealthy: conditionIn(status, 'reticle.dev/WaferHealthy')?.isTrue,
      burnedIn: conditionIn(status, 'reticle.dev/BurnedIn')?.isTrue,
      defectPermille: wholeOf(metadata.annotations?.['reticle.dev/defect-permille']),
    }),
  };
}
