import type { StoredDeployment, StoredModel, StoredPool, StoredClass, StoredReplica } from '@reticle/operator/plan';
import type { Store } from './execute/store.ts';
import { chainDocument } from './render/chain-document.ts';
import type { ChildOptions } from './render/children.ts';
import type { PodOptions } from './render/pod.ts';

/** What a replica's children are made of; undefined while an object that it names is missing. */
export function childrenOf(
  store: Store,
  replica: StoredReplica,
  pods: Omit<PodOptions, 'drainSeconds'>,
): ChildOptions | undefined {
  const { plan, deployment: owner } = replica.spec;
  const namespace = replica.meta.namespace ?? '';
  const deployment = find<StoredDeployment>(store, 'modelDeployment', namespace, owner.name);
  const model = find<StoredModel>(store, 'model', namespace, deployment?.spec.modelRef.name);
  const pool = find<StoredPool>(store, 'waferPool', '', plan?.pool);
  const waferClass = find<StoredClass>(store, 'waferClass', '', pool?.spec.classRef);
  if (plan === undefined || deployment === undefined || model === undefined || waferClass === undefined)
    return undefined;
  const { servedName, drain } = deployment.spec;
  const document = chainDocument({ replica, plan, servedName, model, waferClass, hardwareIds: new Map() });
  return { ...pods, document, drainSeconds: drain.timeoutSeconds };
}

function find<T>(store: Store, kind: Parameters<Store['of']>[0], namespace: string, name = ''): T | undefined {
  const cache = store.of(kind);
  const stored = cache.get(`${cache.resource.kind}/${namespace}/${name}`)?.stored;
  // Sound because a cache holds objects of its own kind alone.
  return stored as T | undefined;
}
