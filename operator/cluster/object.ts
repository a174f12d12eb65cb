import type { KubeObject, ObjectRef, Resource } from './port.ts';

/** `kind/namespace/name`, or `kind//name` for cluster kinds: one name for an object in queues, caches and logs. */
export type ObjectKey = string;

export function keyOf(resource: Resource, ref: ObjectRef): ObjectKey {
  return `${resource.kind}/${ref.namespace ?? ''}/${ref.name}`;
}

/** The kind in a key. */
export function kindOfKey(key: ObjectKey): string {
  return key.slice(0, key.indexOf('/'));
}

/** The object that a key names. */
export function refOfKey(key: ObjectKey): ObjectRef {
  const [, namespace = '', name = ''] = key.split('/');
  return namespace === '' ? { name } : { namespace, name };
}

export function refOf(object: KubeObject): ObjectRef {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? { name } : { namespace, name };
}

const UNSIGNED = /^(0|[1-9]\d*)$/;

/**
 * Order of two resourceVersions, as unsigned integers (contract since Kubernetes 1.35, KEP-5504; true on etcd before):
 * below 0, 0 or above 0 as in a sort. Undefined when one is no integer: then only equality means anything.
 */
export function compareVersions(a: string, b: string): number | undefined {
  if (a === b) return 0;
  if (!UNSIGNED.test(a) || !UNSIGNED.test(b)) return undefined;
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}

/** An object as controllers get it: without `managedFields`, which nobody reads and which are half of its bytes. */
export function received(raw: unknown): KubeObject | undefined {
  if (!isRecord(raw) || !isRecord(raw['metadata'])) return undefined;
  const { uid, resourceVersion, name } = raw['metadata'];
  if (typeof uid !== 'string' || typeof resourceVersion !== 'string' || typeof name !== 'string') return undefined;
  delete raw['metadata']['managedFields'];
  return freeze(raw) as KubeObject;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Freezes plain data to the bottom, in place. */
export function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const each of Object.values(value)) freeze(each);
  return Object.freeze(value);
}
