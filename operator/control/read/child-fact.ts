import type { KubeObject } from '@reticle/operator/cluster';
import type { ChildFact } from '@reticle/operator/plan';
import { labels } from '../labels.ts';
import { textOf } from './fields.ts';

const kinds = ['ConfigMap', 'Service', 'PodDisruptionBudget'] as const;

/** A child of a replica besides its pods; undefined for anything else. One that is being deleted is as good as gone. */
export function childFact({ kind, metadata }: KubeObject): ChildFact | undefined {
  const own = kinds.find((each) => each === kind);
  const replicaUid = textOf(metadata.labels?.[labels.replicaUid]);
  if (own === undefined || replicaUid === undefined || metadata.deletionTimestamp !== undefined) return undefined;
  const { name, namespace = '', uid, resourceVersion } = metadata;
  return { kind: own, namespace, name, uid, resourceVersion, replicaUid };
}
