export { applyChild, createChild, deleteChild } from './apply.ts';
export type { ApplyResult, ChildIdentity } from './apply.ts';
export { Cache } from './cache.ts';
export type { CacheChange, CachedVersion, CacheOptions } from './cache.ts';
export { claimWafer, releaseWafer, writeReplica } from './claim.ts';
export type { ReplicaClaim, WaferClaim } from './claim.ts';
export { KubeClient } from './client.ts';
export type { KubeClientOptions } from './client.ts';
export { compareAndSwap } from './compare-and-swap.ts';
export type { Swap, SwapResult } from './compare-and-swap.ts';
export { Events } from './events.ts';
export type { EventsOptions, EventWords } from './events.ts';
export { Expectations } from './expectations.ts';
export { addFinalizer, removeFinalizer } from './finalizer.ts';
export { failed, noAnswer, refusal, success } from './failure.ts';
export type { KubeStatus } from './failure.ts';
export { microTimeText, timeText } from './kube-time.ts';
export { Lease, whileLeading } from './lease.ts';
export type { LeaseOptions } from './lease.ts';
export { Limits } from './limits.ts';
export type { LimitedAnswer, LimitsOptions, Verb } from './limits.ts';
export { applyMerge, mergeDiff, sameJson } from './merge-patch.ts';
export { compareVersions, freeze, keyOf, kindOfKey, received, refOf, refOfKey } from './object.ts';
export type { ObjectKey } from './object.ts';
export { after, done, terminal, wait } from './outcome.ts';
export type { Outcome } from './outcome.ts';
export type {
  CallOptions,
  DeleteOptions,
  JsonPatchStep,
  Kube,
  KubeFailure,
  KubeFailureKind,
  KubeManifest,
  KubeMeta,
  KubeObject,
  KubeOwner,
  KubePatch,
  KubeResult,
  ListOptions,
  ListPage,
  ManifestMeta,
  ObjectRef,
  PatchOptions,
  Resource,
  WatchEvent,
  WatchListener,
  WatchOptions,
} from './port.ts';
export { Reflector } from './reflector.ts';
export type { ReflectorOptions } from './reflector.ts';
export { apiVersionOf, resources } from './resources.ts';
export { setStatus } from './status.ts';
export type { NextCondition, NextStatus, StatusOptions, StatusResult } from './status.ts';
export { Workers } from './workers.ts';
export type { WorkersOptions } from './workers.ts';
export { isResyncKey, resyncKey, workClasses } from './workqueue.ts';
export type { WorkClass, WorkItem } from './workqueue.ts';
