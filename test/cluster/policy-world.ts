/** Objects that the vectors of the admission policies are tried on, made by the operator's account and an administrator. */
import { defaultNames, factKeys, FACTS_MAP } from '@reticle/operator/api/access';
import { baseOf, type JsonObject } from '@reticle/operator/api/vectors';
import { resources, type Kube, type KubeManifest, type Resource } from '@reticle/operator/cluster';
import { manifest, value } from './gauge.ts';
import { enginePod, holder, lookalikePod, plainPod } from './policy-vectors.ts';

const holders = ['Wafer/held', 'ModelReplica/reticle-models/r-a-0'];

type Makers = { readonly admin: Kube; readonly operator: Kube };

export async function makePolicyWorld({ admin, operator }: Makers): Promise<void> {
  const named = (kind: Parameters<typeof baseOf>[0], name?: string): KubeManifest => {
    const base = baseOf(kind);
    const metadata = { ...(base['metadata'] as JsonObject), ...(name === undefined ? {} : { name }) };
    return { ...base, metadata } as unknown as KubeManifest;
  };
  const byAdmin: readonly (readonly [Resource, KubeManifest])[] = [
    [resources.waferClass, named('WaferClass')],
    [resources.waferPool, named('WaferPool', 'free')],
    [resources.waferPool, named('WaferPool', 'held')],
    [resources.capacityPhase, named('CapacityPhase', 'free')],
    [resources.capacityPhase, named('CapacityPhase', 'held')],
    [resources.accessTier, named('AccessTier')],
    [resources.tenant, named('Tenant')],
    [resources.model, named('Model')],
    [resources.modelDeployment, named('ModelDeployment')],
  ];
  for (const [resource, object] of byAdmin) value(await admin.create(resource, object));
  for (const name of ['free', 'held']) value(await operator.create(resources.wafer, named('Wafer', name)));
  value(await operator.create(resources.modelReplica, named('ModelReplica', 'r-a-0')));
  const claim = { spec: { epoch: 4, claim: holder } };
  value(await operator.patch(resources.wafer, { name: 'held' }, { kind: 'merge', body: claim }));
  for (const resource of [resources.waferPool, resources.capacityPhase]) {
    const body = { status: { holders } };
    value(await operator.patch(resource, { name: 'held' }, { kind: 'merge', body }, { subresource: 'status' }));
  }
  for (const [kube, pod] of [
    [operator, enginePod('engine')],
    [admin, plainPod('plain')],
    [admin, lookalikePod('lookalike')],
  ] as const) {
    const { metadata, ...rest } = pod as KubeManifest;
    const placed = { ...rest, metadata: { ...metadata, namespace: 'reticle-models' } };
    value(await kube.create(resources.pod, placed));
  }
  const data = {
    [factKeys.residency('us-east')]: 'us,global',
    [factKeys.residency('eu-north')]: 'eu,global',
    [factKeys.megawattsLeft('msa-1')]: '500',
  };
  const meta = { namespace: defaultNames.namespace, name: FACTS_MAP };
  value(await operator.create(resources.configMap, manifest(resources.configMap, meta, { data })));
}
