/**
 * The API server as a port: what controllers ask of it, with every answer a value. Three parts stand behind it: the
 * real adapter (`client.ts`), the fake API server of the test kit, and the simulation. A conformance suite runs the
 * same cases through each (`test/cluster/kube-port.suite.ts`).
 */

/** A kind of object as the server's paths name it. */
export type Resource = {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
};

/** Which object of a resource. `namespace` is there exactly for namespaced resources. */
export type ObjectRef = { readonly namespace?: string; readonly name: string };

export type KubeOwner = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
};

/** Metadata that a writer may give. */
export type ManifestMeta = {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly KubeOwner[];
  /** Only to say which version is meant. */
  readonly resourceVersion?: string;
};

/** Metadata as the server gives it. Times are RFC 3339. */
export type KubeMeta = ManifestMeta & {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
};

type Body = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly spec?: unknown;
  readonly status?: unknown;
  /** Kinds without a spec keep their content elsewhere (`data` of a ConfigMap). */
  readonly [field: string]: unknown;
};

/** An object to create or apply. */
export type KubeManifest = Body & { readonly metadata: ManifestMeta };

/** An object as it was read: frozen to the bottom, without `managedFields`. */
export type KubeObject = Body & { readonly metadata: KubeMeta };

export type KubeFailureKind =
  | 'notFound'
  | 'alreadyExists'
  /** A resourceVersion or uid that is no longer the object's. */
  | 'conflict'
  /** A resourceVersion or continue token that was compacted away: list again. */
  | 'expired'
  /** Schema, CEL or a JSON patch's `test`. */
  | 'invalid'
  | 'badRequest'
  | 'forbidden'
  | 'unauthorized'
  | 'throttled'
  | 'serverError'
  /** No whole answer in time. */
  | 'timeout'
  | 'unreachable'
  /** An answer that cannot be read. */
  | 'malformed'
  /** Not sent: this process may not write at this moment (`lease.ts`). */
  | 'notLeader';

export type KubeFailure = {
  readonly kind: KubeFailureKind;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The server's words: fields, rules, now and then the object itself. For people who ask, never for a log. */
  readonly message: string;
  /** When the server said how long to stay away; milliseconds. */
  readonly retryAfterMs?: number;
  /** A write may have happened all the same: read live and compare before anything else. */
  readonly outcomeUnknown: boolean;
};

export type KubeResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: KubeFailure };

export type CallOptions = {
  /** Abort answers `timeout`; the outcome of a write is then unknown. */
  readonly signal?: AbortSignal;
};

export type ListOptions = CallOptions & {
  /** Absent: every namespace. */
  readonly namespace?: string;
  /** Objects per page; absent: one page. */
  readonly limit?: number;
  readonly continueToken?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
};

export type ListPage = {
  readonly items: readonly KubeObject[];
  /** Revision of the whole list, the same on every page: where a watch may begin. */
  readonly resourceVersion: string;
  readonly continueToken?: string;
};

export type WatchOptions = {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Events after this revision. */
  readonly resourceVersion: string;
  /** The server ends the watch after this time, with a bookmark just before. */
  readonly timeoutSeconds: number;
};

export type WatchEvent =
  | { readonly kind: 'added' | 'modified' | 'deleted'; readonly object: KubeObject }
  | { readonly kind: 'bookmark'; readonly resourceVersion: string };

/** Neither method may throw. After `end`, and after the watch was stopped, nothing is called any more. */
export interface WatchListener {
  event(event: WatchEvent): void;
  /** Exactly once: the server closed (no failure), or why there is no more. */
  end(failure?: KubeFailure): void;
}

export type JsonPatchStep = {
  readonly op: 'add' | 'remove' | 'replace' | 'test';
  readonly path: string;
  readonly value?: unknown;
};

/** `resourceVersion` makes it a compare-and-swap: another version answers `conflict`. */
export type KubePatch =
  | { readonly kind: 'merge'; readonly body: object; readonly resourceVersion?: string }
  /** A failed `test` step answers `invalid`. */
  | { readonly kind: 'json'; readonly steps: readonly JsonPatchStep[] }
  /** Server-side apply as this manager, with force. */
  | { readonly kind: 'apply'; readonly manifest: KubeManifest; readonly manager: string };

export type PatchOptions = CallOptions & { readonly subresource?: 'status' };

export type DeleteOptions = CallOptions & {
  /** Only this incarnation; another answers `conflict`. */
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly graceSeconds?: number;
};

/** All of it is asynchronous, answers values and never throws or rejects for anything that a server can do. */
export interface Kube {
  list(resource: Resource, options?: ListOptions): Promise<KubeResult<ListPage>>;
  /** Returns the function that stops it; the listener hears nothing after that. */
  watch(resource: Resource, options: WatchOptions, listener: WatchListener): () => void;
  get(resource: Resource, ref: ObjectRef, options?: CallOptions): Promise<KubeResult<KubeObject>>;
  /** Unknown fields are refused. */
  create(resource: Resource, manifest: KubeManifest, options?: CallOptions): Promise<KubeResult<KubeObject>>;
  patch(resource: Resource, ref: ObjectRef, patch: KubePatch, options?: PatchOptions): Promise<KubeResult<KubeObject>>;
  /** Succeeds when the server took the request: an object with finalizers, or a pod with grace, goes later. */
  delete(resource: Resource, ref: ObjectRef, options?: DeleteOptions): Promise<KubeResult<void>>;
}
