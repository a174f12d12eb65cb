/** The `kube` port over a real API server. Limits on rate and time stand before it (`limits.ts`). */
import { Connection, type ConnectionOptions, type HttpAnswer, type HttpCall } from './connection.ts';
import { failed, noAnswer, refusal, success, type KubeStatus } from './failure.ts';
import { received } from './object.ts';
import { apiVersionOf } from './resources.ts';
import type {
  CallOptions,
  DeleteOptions,
  Kube,
  KubeFailure,
  KubeManifest,
  KubeObject,
  KubePatch,
  KubeResult,
  ListOptions,
  ListPage,
  ObjectRef,
  PatchOptions,
  Resource,
  WatchListener,
  WatchOptions,
} from './port.ts';
import { readWatch } from './watch-stream.ts';

export type KubeClientOptions = ConnectionOptions & {
  /** Whose fields a write is (`managedFields`); default `reticle-operator`. */
  readonly manager?: string;
};

const JSON_TYPE = 'application/json';

/** One connection pool to one API server; dispose it at the end. */
export class KubeClient implements Kube, AsyncDisposable {
  readonly #connection: Connection;
  readonly #writeQuery: Readonly<Record<string, string>>;

  constructor(options: KubeClientOptions) {
    this.#connection = new Connection(options);
    this.#writeQuery = { fieldManager: options.manager ?? 'reticle-operator', fieldValidation: 'Strict' };
  }

  async list(resource: Resource, options: ListOptions = {}): Promise<KubeResult<ListPage>> {
    const query = {
      ...selectors(options),
      ...(options.limit === undefined ? {} : { limit: String(options.limit) }),
      ...(options.continueToken === undefined ? {} : { continue: options.continueToken }),
    };
    const path = pathOf(resource, options.namespace);
    return this.#ask({ method: 'GET', path, query, ...signalOf(options) }, (body) => pageOf(resource, body));
  }

  watch(resource: Resource, options: WatchOptions, listener: WatchListener): () => void {
    const abort = new AbortController();
    const query = {
      ...selectors(options),
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: options.resourceVersion,
      timeoutSeconds: String(options.timeoutSeconds),
    };
    const call: HttpCall = { method: 'GET', path: pathOf(resource, options.namespace), query, signal: abort.signal };
    let over = false;
    const told: WatchListener = {
      event: (event) => {
        if (!over) listener.event(event);
      },
      end: (failure) => {
        if (over) return;
        over = true;
        listener.end(failure);
      },
    };
    void this.#connection
      .stream(call, async ({ status, retryAfter, chunks }) => {
        if (status === 200) await readWatch(chunks, told);
        else told.end(refusal(status, parse(await whole(chunks)) ?? {}, retryMs(retryAfter)));
      })
      .catch((error: unknown) => told.end(networkFailure(error)));
    return () => {
      over = true;
      abort.abort();
    };
  }

  get(resource: Resource, ref: ObjectRef, options: CallOptions = {}): Promise<KubeResult<KubeObject>> {
    return this.#ask({ method: 'GET', path: objectPath(resource, ref), query: {}, ...signalOf(options) }, received);
  }

  create(resource: Resource, manifest: KubeManifest, options: CallOptions = {}): Promise<KubeResult<KubeObject>> {
    const call: HttpCall = {
      method: 'POST',
      path: pathOf(resource, manifest.metadata.namespace),
      query: this.#writeQuery,
      body: { type: JSON_TYPE, text: JSON.stringify(manifest) },
      ...signalOf(options),
    };
    return this.#ask(call, received);
  }

  patch(
    resource: Resource,
    ref: ObjectRef,
    patch: KubePatch,
    options: PatchOptions = {},
  ): Promise<KubeResult<KubeObject>> {
    const query = patch.kind === 'apply' ? { fieldManager: patch.manager, force: 'true' } : {};
    const call: HttpCall = {
      method: 'PATCH',
      path: `${objectPath(resource, ref)}${options.subresource === undefined ? '' : `/${options.subresource}`}`,
      query: { ...this.#writeQuery, ...query },
      body: patchBody(patch),
      ...signalOf(options),
    };
    return this.#ask(call, received);
  }

  delete(resource: Resource, ref: ObjectRef, options: DeleteOptions = {}): Promise<KubeResult<void>> {
    const { uid, resourceVersion, graceSeconds } = options;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds }),
      preconditions: {
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
    };
    const call: HttpCall = {
      method: 'DELETE',
      path: objectPath(resource, ref),
      query: {},
      body: { type: JSON_TYPE, text: JSON.stringify(body) },
      ...signalOf(options),
    };
    return this.#ask<void>(call, () => null);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection[Symbol.asyncDispose]();
  }

  /** `read` answers undefined for a body that is not what was asked for. */
  async #ask<T>(call: HttpCall, read: (body: unknown) => T | undefined | null): Promise<KubeResult<T>> {
    let answer: HttpAnswer;
    try {
      answer = await this.#connection.call(call);
    } catch (error) {
      return failed(networkFailure(error));
    }
    const body = parse(answer.text);
    if (answer.status >= 300) return failed(refusal(answer.status, statusOf(body), retryMs(answer.retryAfter)));
    const value = body === undefined ? undefined : read(body);
    if (value === undefined) return failed(noAnswer('malformed', 'the answer is not the object that was asked for'));
    return success(value as T);
  }
}

function pathOf({ group, version, plural }: Resource, namespace: string | undefined): string {
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${base}${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${plural}`;
}

function objectPath(resource: Resource, ref: ObjectRef): string {
  return `${pathOf(resource, ref.namespace)}/${encodeURIComponent(ref.name)}`;
}

function selectors(options: { readonly labelSelector?: string; readonly fieldSelector?: string }) {
  const { labelSelector, fieldSelector } = options;
  return {
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}

function signalOf({ signal }: CallOptions): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

function patchBody(patch: KubePatch): { type: string; text: string } {
  switch (patch.kind) {
    case 'json':
      return { type: 'application/json-patch+json', text: JSON.stringify(patch.steps) };
    case 'apply':
      return { type: 'application/apply-patch+yaml', text: JSON.stringify(patch.manifest) };
    case 'merge':
      return { type: 'application/merge-patch+json', text: JSON.stringify(withVersion(patch)) };
  }
}

function withVersion({ body, resourceVersion }: { readonly body: object; readonly resourceVersion?: string }): object {
  if (resourceVersion === undefined) return body;
  const metadata = 'metadata' in body && typeof body.metadata === 'object' ? body.metadata : {};
  return { ...body, metadata: { ...metadata, resourceVersion } };
}

/** Items of a list carry neither kind nor apiVersion on the wire. */
function pageOf(resource: Resource, body: unknown): ListPage | undefined {
  const { items, metadata } = body as { items?: unknown; metadata?: { resourceVersion?: string; continue?: string } };
  if (!Array.isArray(items) || metadata?.resourceVersion === undefined) return undefined;
  const head = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  const objects = items.map((item: object) => received({ ...head, ...item }));
  if (objects.includes(undefined)) return undefined;
  const page = { items: objects as KubeObject[], resourceVersion: metadata.resourceVersion };
  const next = metadata.continue ?? '';
  return next === '' ? page : { ...page, continueToken: next };
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    // A proxy's page or half an answer: the caller says what became of the request.
    return undefined;
  }
}

function statusOf(body: object | undefined): KubeStatus {
  return body ?? {};
}

function retryMs(header: string | undefined): number | undefined {
  const seconds = Number(header);
  return header === undefined || !Number.isFinite(seconds) ? undefined : seconds * 1000;
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of chunks) text += decoder.decode(chunk, { stream: true });
  return text + decoder.decode();
}

/** Errors that say the request cannot have reached a server. */
const NEVER_SENT: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);
const TIMED_OUT: ReadonlySet<unknown> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_ABORTED']);

function networkFailure(error: unknown): KubeFailure {
  const { code, name, message } = error as { code?: unknown; name?: string; message?: string };
  const timedOut = TIMED_OUT.has(code) || name === 'AbortError' || name === 'TimeoutError';
  const text = `${typeof code === 'string' ? code : (name ?? 'error')}: ${message ?? ''}`;
  return noAnswer(timedOut ? 'timeout' : 'unreachable', text, !NEVER_SENT.has(code));
}
