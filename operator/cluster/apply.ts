import { createHash } from 'node:crypto';
import { canonicalJson } from '@reticle/core/domain/tokens';
import { sameJson } from './merge-patch.ts';
import { refOf } from './object.ts';
import type { Kube, KubeFailure, KubeManifest, KubeObject, Resource } from './port.ts';

/** Digest of what a child was last asked to be. */
const INPUT_DIGEST = 'reticle.dev/input-digest';
const MANAGER = 'reticle-operator';

export type ApplyResult =
  | { readonly kind: 'written' | 'unchanged'; readonly object: KubeObject }
  /** A live object of that name belongs to somebody else, or to another epoch. */
  | { readonly kind: 'foreign'; readonly object: KubeObject }
  | { readonly kind: 'failed'; readonly failure: KubeFailure };

/**
 * Makes a child what the manifest says by server-side apply. Nothing is sent when the child was asked for exactly this
 * and its live fields still say so.
 */
export async function applyChild(
  kube: Pick<Kube, 'patch'>,
  resource: Resource,
  manifest: KubeManifest,
  live: KubeObject | undefined,
): Promise<ApplyResult> {
  const wanted = withDigest(manifest);
  if (live !== undefined && isPart(wanted, live)) return { kind: 'unchanged', object: live };
  const answer = await kube.patch(resource, manifest.metadata, { kind: 'apply', manifest: wanted, manager: MANAGER });
  return answer.ok ? { kind: 'written', object: answer.value } : { kind: 'failed', failure: answer.failure };
}

/** Who a created child must belong to, for one that is already there to be ours. */
export type ChildIdentity = {
  readonly ownerUid: string;
  /** Labels that tell one epoch's child from another's. */
  readonly labels: Readonly<Record<string, string>>;
};

/**
 * Creates a child that never changes. One that is already there is ours, and success, only if its owner and labels
 * match: a create whose answer was lost, or one by a stale cache, does no harm.
 */
export async function createChild(
  kube: Pick<Kube, 'create' | 'get'>,
  resource: Resource,
  manifest: KubeManifest,
  identity: ChildIdentity,
): Promise<ApplyResult> {
  const answer = await kube.create(resource, manifest);
  if (answer.ok) return { kind: 'written', object: answer.value };
  const { failure } = answer;
  if (failure.kind !== 'alreadyExists' && !failure.outcomeUnknown) return { kind: 'failed', failure };
  const live = await kube.get(resource, manifest.metadata);
  if (!live.ok) return { kind: 'failed', failure };
  const kind = isOurs(live.value, identity) ? 'unchanged' : 'foreign';
  return { kind, object: live.value };
}

function isOurs({ metadata }: KubeObject, { ownerUid, labels }: ChildIdentity): boolean {
  // One that is being deleted is about to be gone: it can be nobody's child any more.
  if (metadata.deletionTimestamp !== undefined) return false;
  const owned = metadata.ownerReferences?.some(({ uid, controller }) => uid === ownerUid && controller === true);
  return owned === true && Object.entries(labels).every(([name, value]) => metadata.labels?.[name] === value);
}

function withDigest(manifest: KubeManifest): KubeManifest {
  const digest = createHash('sha256').update(canonicalJson(manifest)).digest('hex').slice(0, 32);
  const annotations = { ...manifest.metadata.annotations, [INPUT_DIGEST]: digest };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

/** Every field that is wanted is there with that value; what a server adds or defaults beside it does not matter. */
function isPart(wanted: unknown, live: unknown): boolean {
  if (Array.isArray(wanted)) {
    return Array.isArray(live) && wanted.length === live.length && wanted.every((each, i) => isPart(each, live[i]));
  }
  if (typeof wanted !== 'object' || wanted === null) return sameJson(wanted, live);
  if (typeof live !== 'object' || live === null) return false;
  const fields = live as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([name, value]) => value === undefined || isPart(value, fields[name]));
}

/** Deletes this incarnation of a child; one that is gone already, or another under its name, is success. */
export async function deleteChild(
  kube: Pick<Kube, 'delete'>,
  resource: Resource,
  child: KubeObject,
  graceSeconds?: number,
): Promise<KubeFailure | undefined> {
  const options = { uid: child.metadata.uid, ...(graceSeconds === undefined ? {} : { graceSeconds }) };
  const answer = await kube.delete(resource, refOf(child), options);
  if (answer.ok || answer.failure.kind === 'notFound' || answer.failure.kind === 'conflict') return undefined;
  return answer.failure;
}
