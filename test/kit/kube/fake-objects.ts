/** What requests do to the fake API server's objects. Each is one step; nothing here is asynchronous. */
import { assert } from '@reticle/core/domain';
import type { Clock } from '@reticle/core/flow';
import {
  apiVersionOf,
  applyMerge,
  failed,
  refusal,
  resources,
  sameJson,
  success,
  timeText,
  type DeleteOptions,
  type KubeFailure,
  type KubeManifest,
  type KubeMeta,
  type KubeObject,
  type KubePatch,
  type KubeResult,
  type ListOptions,
  type ListPage,
  type ObjectRef,
  type Resource,
} from '@reticle/operator/cluster';
import { applyAs, applyJsonPatch, UnpatchableError } from './fake-patch.ts';
import { isSelected } from './fake-selectors.ts';
import type { FakeStore, StoredChange, StoreKey } from './fake-store.ts';

export type AdmissionRequest = {
  readonly resource: Resource;
  readonly subresource: 'status' | undefined;
  /** Absent for a create. */
  readonly before: KubeObject | undefined;
  readonly next: KubeManifest;
};
/** The object with its defaults, or the server's words for each broken rule. */
export type Admission = (
  request: AdmissionRequest,
) => { readonly object: KubeManifest } | { readonly problems: readonly string[] };

export type FakeObjectsOptions = {
  /** Empty: the namespaces that every server has are made first. */
  readonly store: FakeStore;
  readonly clock: Clock;
  readonly admit: Admission;
  readonly changed: (change: StoredChange) => void;
};

type PatchRequest = { readonly patch: KubePatch; readonly subresource: 'status' | undefined };

/** Kinds whose content has no generation: any change is as good as another. */
const WITHOUT_GENERATION: ReadonlySet<string> = new Set(['ConfigMap', 'Event', 'Lease', 'Namespace', 'Node']);

export function storePrefix({ plural, group }: Resource, namespace: string | undefined): string {
  return namespace === undefined ? `${plural}.${group}/` : `${plural}.${group}/${namespace}/`;
}

function storeKey(resource: Resource, ref: ObjectRef): StoreKey {
  return `${storePrefix(resource, ref.namespace ?? '')}${ref.name}`;
}

export class FakeObjects {
  readonly store: FakeStore;
  readonly #options: FakeObjectsOptions;
  /** What each manager last applied, by key and manager. */
  readonly #applied = new Map<string, object>();
  #uids = 0;

  constructor(options: FakeObjectsOptions) {
    this.#options = options;
    this.store = options.store;
    const { apiVersion, kind } = { apiVersion: apiVersionOf(resources.namespace), kind: resources.namespace.kind };
    for (const name of ['default', 'kube-system'])
      this.create(resources.namespace, { apiVersion, kind, metadata: { name } });
  }

  list(resource: Resource, options: ListOptions): KubeResult<ListPage> {
    const [from = '', start = ''] = (options.continueToken ?? '').split(' ');
    const revision = from === '' ? this.store.revision : Number(from);
    if (revision < this.store.compacted) return expired('the provided continue parameter is too old');
    const all = this.store
      .at(storePrefix(resource, options.namespace), revision)
      .filter((object) => isSelected(object, options));
    const rest = start === '' ? all : all.filter((object) => storeKey(resource, object.metadata) > start);
    const items = rest.slice(0, options.limit ?? rest.length);
    const last = items.at(-1);
    const page = { items, resourceVersion: String(revision) };
    if (last === undefined || items.length === rest.length) return success(page);
    return success({ ...page, continueToken: `${revision} ${storeKey(resource, last.metadata)}` });
  }

  get(resource: Resource, ref: ObjectRef): KubeResult<KubeObject> {
    const object = this.store.get(storeKey(resource, ref));
    return object === undefined ? notFound(resource, ref.name) : success(object);
  }

  create(resource: Resource, manifest: KubeManifest): KubeResult<KubeObject> {
    const { name, namespace } = manifest.metadata;
    assert((namespace !== undefined) === resource.namespaced, `${resource.kind} is addressed as what it is`);
    if (namespace !== undefined && this.store.get(storeKey(resources.namespace, { name: namespace })) === undefined) {
      return notFound(resources.namespace, namespace);
    }
    const key = storeKey(resource, manifest.metadata);
    if (this.store.get(key) !== undefined) {
      const message = `${resource.plural} "${name}" already exists`;
      return failed(refusal(409, { reason: 'AlreadyExists', message }));
    }
    const { status: _, ...withoutStatus } = manifest;
    const admitted = this.#admit({ resource, subresource: undefined, before: undefined, next: withoutStatus });
    if (!admitted.ok) return admitted;
    const metadata: Omit<KubeMeta, 'resourceVersion'> = {
      ...admitted.value.metadata,
      uid: this.#uid(),
      creationTimestamp: timeText(this.#options.clock.wallMs()),
      ...(WITHOUT_GENERATION.has(resource.kind) ? {} : { generation: 1 }),
    };
    return success(this.#put(key, { ...admitted.value, metadata }));
  }

  patch(resource: Resource, ref: ObjectRef, request: PatchRequest): KubeResult<KubeObject> {
    const { patch, subresource } = request;
    const key = storeKey(resource, ref);
    const before = this.store.get(key);
    if (before === undefined) {
      return patch.kind === 'apply' ? this.#applyNew(resource, key, patch) : notFound(resource, ref.name);
    }
    let next: KubeManifest;
    try {
      next = this.#patched(key, before, patch) as KubeManifest;
    } catch (error) {
      if (error instanceof UnpatchableError) return failed(refusal(422, { reason: 'Invalid', message: error.message }));
      throw error;
    }
    const conflict = versionConflict(resource, before, next.metadata);
    if (conflict !== undefined) return failed(conflict);
    const kept = keepOther(before, next, subresource);
    const admitted = this.#admit({ resource, subresource, before, next: kept });
    return admitted.ok ? success(this.#update(resource, before, admitted.value)) : admitted;
  }

  /** Deletes what only owners that are gone would hold, as the garbage collector does; says how much that was. */
  collectGarbage(): number {
    const everything = this.store.entries();
    const uids = new Set(everything.map(([, { metadata }]) => metadata.uid));
    const orphans = everything.filter(([, { metadata }]) => {
      const { ownerReferences = [], deletionTimestamp } = metadata;
      const owned = ownerReferences.length === 0 || ownerReferences.some(({ uid }) => uids.has(uid));
      return !owned && deletionTimestamp === undefined;
    });
    for (const [key, object] of orphans) this.#deleteObject(key, object, {});
    return orphans.length;
  }

  delete(resource: Resource, ref: ObjectRef, options: DeleteOptions): KubeResult<void> {
    const key = storeKey(resource, ref);
    const object = this.store.get(key);
    if (object === undefined) return notFound(resource, ref.name);
    const { uid, resourceVersion, graceSeconds } = options;
    const conflict = versionConflict(resource, object, { uid, resourceVersion });
    if (conflict !== undefined) return failed(conflict);
    this.#deleteObject(key, object, { graceSeconds });
    return success(undefined);
  }

  #deleteObject(
    key: StoreKey,
    object: KubeObject,
    { graceSeconds }: { readonly graceSeconds?: number | undefined },
  ): void {
    if ((object.metadata.finalizers ?? []).length === 0 && !waitsForHost(object, graceSeconds)) this.#remove(key);
    else if (object.metadata.deletionTimestamp === undefined) this.#markDeleted(key, object);
  }

  #applyNew(resource: Resource, key: StoreKey, patch: KubePatch & { kind: 'apply' }): KubeResult<KubeObject> {
    const created = this.create(resource, patch.manifest);
    if (created.ok) this.#applied.set(`${key} ${patch.manager}`, patch.manifest);
    return created;
  }

  #patched(key: StoreKey, before: KubeObject, patch: KubePatch): unknown {
    switch (patch.kind) {
      case 'json':
        return applyJsonPatch(before, patch.steps);
      case 'merge': {
        const merged = applyMerge(before, patch.body) as KubeObject;
        if (patch.resourceVersion === undefined) return merged;
        return { ...merged, metadata: { ...merged.metadata, resourceVersion: patch.resourceVersion } };
      }
      case 'apply': {
        const slot = `${key} ${patch.manager}`;
        const next = applyAs(before, patch.manifest, this.#applied.get(slot));
        this.#applied.set(slot, patch.manifest);
        return next;
      }
    }
  }

  #admit(request: AdmissionRequest): KubeResult<KubeManifest> {
    const answer = this.#options.admit(request);
    if ('object' in answer) return success(answer.object);
    const { kind } = request.resource;
    const message = `${kind} "${request.next.metadata.name}" is invalid: ${answer.problems.join(', ')}`;
    return failed(refusal(422, { reason: 'Invalid', message }));
  }

  /** An update that changes nothing is answered with the object as it is, without a new version. */
  #update(resource: Resource, before: KubeObject, next: KubeManifest): KubeObject {
    const { uid, resourceVersion, creationTimestamp, generation, deletionTimestamp } = before.metadata;
    const server = {
      uid,
      creationTimestamp,
      ...(generation === undefined ? {} : { generation }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    };
    const same = { ...next, metadata: { ...next.metadata, ...server, resourceVersion } };
    if (sameJson(before, same)) return before;
    const key = storeKey(resource, before.metadata);
    const grown = generation !== undefined && contentChanged(before, next) ? { generation: generation + 1 } : {};
    const stored = this.#put(key, { ...next, metadata: { ...next.metadata, ...server, ...grown } });
    const finalized = deletionTimestamp !== undefined && (stored.metadata.finalizers ?? []).length === 0;
    if (finalized && !waitsForHost(stored, undefined)) this.#remove(key);
    return stored;
  }

  #markDeleted(key: StoreKey, object: KubeObject): void {
    const { generation } = object.metadata;
    const deletionTimestamp = timeText(this.#options.clock.wallMs());
    const grown = generation === undefined ? {} : { generation: generation + 1 };
    this.#put(key, { ...object, metadata: { ...object.metadata, deletionTimestamp, ...grown } });
  }

  #put(
    key: StoreKey,
    object: Omit<KubeObject, 'metadata'> & { metadata: Omit<KubeMeta, 'resourceVersion'> },
  ): KubeObject {
    const make = (resourceVersion: string): KubeObject =>
      ({ ...object, metadata: { ...object.metadata, resourceVersion } }) as KubeObject;
    const change = this.store.put(key, make);
    this.#options.changed(change);
    return change.object;
  }

  #remove(key: StoreKey): void {
    const change = this.store.remove(key);
    if (change !== undefined) this.#options.changed(change);
    for (const slot of this.#applied.keys()) if (slot.startsWith(`${key} `)) this.#applied.delete(slot);
  }

  #uid(): string {
    return `00000000-0000-4000-8000-${(++this.#uids).toString(16).padStart(12, '0')}`;
  }
}

function notFound<T>({ plural, group }: Resource, name: string): KubeResult<T> {
  const message = `${plural}${group === '' ? '' : `.${group}`} "${name}" not found`;
  return failed(refusal(404, { reason: 'NotFound', message }));
}

function expired<T>(message: string): KubeResult<T> {
  return failed(refusal(410, { reason: 'Expired', message }));
}

function versionConflict(
  { plural }: Resource,
  { metadata }: KubeObject,
  wanted: { readonly uid?: string | undefined; readonly resourceVersion?: string | undefined },
): KubeFailure | undefined {
  const { uid = metadata.uid, resourceVersion = metadata.resourceVersion } = wanted;
  if (uid === metadata.uid && resourceVersion === metadata.resourceVersion) return undefined;
  const message = `Operation cannot be fulfilled on ${plural} "${metadata.name}": the object has been modified`;
  return refusal(409, { reason: 'Conflict', message });
}

/** A write of the status changes nothing else, and a write of the object not the status. */
function keepOther(before: KubeObject, next: KubeManifest, subresource: 'status' | undefined): KubeManifest {
  if (subresource === 'status') return { ...before, ...(next.status === undefined ? {} : { status: next.status }) };
  const { status: _, ...rest } = next;
  return before.status === undefined ? rest : { ...rest, status: before.status };
}

function contentChanged(before: KubeObject, next: KubeManifest): boolean {
  const content = (object: KubeManifest): object => ({ ...object, metadata: undefined, status: undefined });
  return !sameJson(content(before), content(next));
}

/** A pod on a host goes when the host says that it has stopped, or when it is deleted without grace. */
function waitsForHost({ kind, spec }: KubeObject, graceSeconds: number | undefined): boolean {
  const { nodeName } = (spec ?? {}) as { readonly nodeName?: unknown };
  return kind === 'Pod' && nodeName !== undefined && graceSeconds !== 0;
}
