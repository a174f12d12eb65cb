import type { ServingSnapshot } from '@reticle/proto/gen/serving/v1/ServingSnapshot';
import { unpackSnapshot } from '@reticle/proto/serving';
import {
  apiVersionOf,
  resources,
  type Kube,
  type KubeFailure,
  type KubeObject,
  type KubeResult,
  type ObjectRef,
} from '@reticle/operator/cluster';

/** Field of the ConfigMap with the number of the newest leadership. */
export const TERM_FIELD = 'term';
const TRIES_MAX = 8;
const WHOLE = /^[0-9]{1,15}$/;

export type ServingRef = ObjectRef & { readonly namespace: string };

/** A leadership's own number, and what was served before it. */
export type ServingTerm = {
  readonly term: number;
  /** By cell; what cannot be read is left out. */
  readonly kept: ReadonlyMap<string, ServingSnapshot>;
};

/** Field with the packed snapshot of a cell. */
export function cellField(cell: string): string {
  return `serving.${cell}`;
}

/**
 * Raises the term by compare-and-swap, once per leadership, and reads what was kept (OPERATOR §16). A term is never given
 * out twice, whatever happens to answers; one that was damaged by hand goes on above every snapshot that is kept.
 */
export async function raiseTerm(kube: Kube, ref: ServingRef): Promise<KubeResult<ServingTerm>> {
  let failure: KubeFailure | undefined;
  for (let tried = 0; tried < TRIES_MAX; tried++) {
    const answer = await tryOnce(kube, ref);
    if (answer.ok) return answer;
    failure = answer.failure;
    const { kind, outcomeUnknown } = failure;
    if (kind !== 'conflict' && kind !== 'alreadyExists' && !outcomeUnknown) break;
  }
  // Sound because at least one try has failed.
  return { ok: false, failure: failure as KubeFailure };
}

async function tryOnce(kube: Kube, ref: ServingRef): Promise<KubeResult<ServingTerm>> {
  const live = await kube.get(resources.configMap, ref);
  if (!live.ok && live.failure.kind !== 'notFound') return live;
  const kept: ReadonlyMap<string, ServingSnapshot> = live.ok ? keptIn(live.value) : new Map();
  const term = 1 + (live.ok ? highestIn(live.value, kept) : 0);
  const data = { [TERM_FIELD]: String(term) };
  const written = live.ok
    ? await kube.patch(resources.configMap, ref, {
        kind: 'merge',
        body: { data },
        resourceVersion: live.value.metadata.resourceVersion,
      })
    : await kube.create(resources.configMap, {
        apiVersion: apiVersionOf(resources.configMap),
        kind: resources.configMap.kind,
        metadata: ref,
        data,
      });
  return written.ok ? { ok: true, value: { term, kept } } : written;
}

function dataOf(object: KubeObject): Readonly<Record<string, unknown>> {
  const data = object['data'];
  return typeof data === 'object' && data !== null ? (data as Readonly<Record<string, unknown>>) : {};
}

function keptIn(object: KubeObject): ReadonlyMap<string, ServingSnapshot> {
  const prefix = cellField('');
  const kept = new Map<string, ServingSnapshot>();
  for (const [field, text] of Object.entries(dataOf(object))) {
    if (!field.startsWith(prefix) || typeof text !== 'string') continue;
    const { ok } = unpackSnapshot(text);
    if (ok !== undefined) kept.set(field.slice(prefix.length), ok);
  }
  return kept;
}

function highestIn(object: KubeObject, kept: ReadonlyMap<string, ServingSnapshot>): number {
  const given = dataOf(object)[TERM_FIELD];
  const term = typeof given === 'string' && WHOLE.test(given) ? Number(given) : 0;
  return Math.max(term, ...[...kept.values()].map((snapshot) => snapshot.term));
}
