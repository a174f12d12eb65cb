import { resources, type Kube, type KubeFailure, type KubeObject } from '@reticle/operator/cluster';
import { labels } from '../labels.ts';

type Claim = {
  readonly namespace: string;
  readonly uid: string;
  readonly stage: number;
  readonly replicaEpoch: number;
};

/**
 * The release rule (OPERATOR §10): a claim is cleared only when the pods of its stage, up to its epoch, are gone by a
 * live list, whatever a cache says. Undefined: they are gone.
 */
export async function podIsGone(kube: Kube, wafer: KubeObject): Promise<KubeFailure | undefined> {
  const { claim } = wafer.spec as { readonly claim?: Claim };
  if (claim === undefined) return undefined;
  const { namespace, uid, stage } = claim;
  const labelSelector = `${labels.replicaUid}=${uid},${labels.stage}=${stage}`;
  const live = await kube.list(resources.pod, { namespace, labelSelector });
  if (!live.ok) return live.failure;
  const isHolder = ({ metadata }: KubeObject): boolean =>
    !(Number(metadata.labels?.[labels.epoch]) > claim.replicaEpoch);
  return live.value.items.some(isHolder) ? standing('the pod of the holder is still there') : undefined;
}

/**
 * Before a later epoch is planned (OPERATOR §10 step 6): by live lists no pod of the replica is left, and it holds no
 * wafer that the plan does not name. Undefined: so it is.
 */
export async function epochIsOver(
  kube: Kube,
  { metadata: { namespace = '', uid } }: KubeObject,
  planned: ReadonlySet<string>,
): Promise<KubeFailure | undefined> {
  const pods = await kube.list(resources.pod, { namespace, labelSelector: `${labels.replicaUid}=${uid}`, limit: 1 });
  if (!pods.ok) return pods.failure;
  if (pods.value.items.length > 0) return standing('pods of the epoch before are still there');
  const wafers = await kube.list(resources.wafer, { fieldSelector: `spec.claim.uid=${uid}` });
  if (!wafers.ok) return wafers.failure;
  const isLeft = ({ metadata }: KubeObject): boolean => !planned.has(metadata.name);
  return wafers.value.items.some(isLeft) ? standing('the epoch before still holds a wafer') : undefined;
}

function standing(message: string): KubeFailure {
  return { kind: 'conflict', status: 0, message, outcomeUnknown: false };
}
