import type { Problem } from '@reticle/operator/api';
import type { Kube, KubeFailure, KubeObject, ListPage } from '@reticle/operator/cluster';
import { resources, success, type KubeResult, type Resource } from '@reticle/operator/cluster';
import type { Facts } from '@reticle/operator/plan';
import { Store } from '../execute/store.ts';
import { PendingChange } from '../read/pending-change.ts';
import { nodesByStatus } from './nodes-by-status.ts';

/** A cluster at one moment, as the operator would see it. */
export type Look = {
  readonly facts: Facts;
  /** Nodes with their labels. */
  readonly hosts: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[];
  /** Objects that this version cannot read, each with what is wrong. */
  readonly unreadable: readonly {
    readonly kind: string;
    readonly name: string;
    readonly problems: readonly Problem[];
  }[];
  /** Resources that the user may not read; what they hold is not in the facts. Without nodes, wafers are as their statuses say. */
  readonly unseen: readonly string[];
  /** When an operator last renewed the lease that it holds, RFC 3339; undefined when none holds one. */
  readonly leaseRenewed: string | undefined;
};

const PAGE = 500;

/** Reads everything that the operator reads, once. Resources that the cluster does not know count as empty. */
export async function lookAt(kube: Pick<Kube, 'list'>, nowMs: number, leaseName: string): Promise<KubeResult<Look>> {
  const store = new Store();
  const seen = new PendingChange();
  store.onChange((change) => seen.add(change));
  const unseen: string[] = [];
  const lists = await Promise.all(
    store.all().map(async (cache) => ({ cache, list: await listAll(kube, cache.resource) })),
  );
  for (const { cache, list } of lists) {
    if (list.ok) for (const object of list.value) cache.takeLive(object);
    else if (isBeside(cache.resource, list.failure)) unseen.push(cache.resource.plural);
    else return list;
  }
  const leases = await kube.list(resources.lease, { fieldSelector: `metadata.name=${leaseName}` });
  if (!leases.ok) unseen.push(resources.lease.plural);
  return success({
    facts: factsIn(seen, nowMs, unseen),
    hosts: hostsIn(store),
    unreadable: unreadableIn(store),
    unseen,
    leaseRenewed: leases.ok ? newestRenewal(leases.value.items) : undefined,
  });
}

function factsIn(seen: PendingChange, nowMs: number, unseen: readonly string[]): Facts {
  const { objects = [], nodes = [], pods = [], children = [] } = seen.take(nowMs);
  const hosts = unseen.includes(resources.node.plural) ? nodesByStatus(objects) : { nodes };
  return { ...NOTHING, ...hosts, nowMs, objects, pods, children };
}

const NOTHING = { wafers: [], presence: [], loads: [], scales: [], phases: [] } as const;

/**
 * What most people may not read: what is not ours (nodes, pods and the other children of a replica), and tenants, which
 * carry what their keys are checked against and which no plan reads.
 */
function isBeside({ group, kind: of }: Resource, { kind }: KubeFailure): boolean {
  return kind === 'forbidden' && (group !== resources.wafer.group || of === resources.tenant.kind);
}

async function listAll(kube: Pick<Kube, 'list'>, resource: Resource): Promise<KubeResult<readonly KubeObject[]>> {
  const items: KubeObject[] = [];
  let continueToken: string | undefined;
  do {
    const page = await kube.list(resource, { limit: PAGE, ...(continueToken === undefined ? {} : { continueToken }) });
    if (!page.ok) return isUnknownKind(resource, page.failure) ? success(items) : page;
    items.push(...page.value.items);
    ({ continueToken } = page.value satisfies ListPage);
  } while (continueToken !== undefined);
  return success(items);
}

/** The definition of a kind of ours is not installed. */
function isUnknownKind({ group }: Resource, { kind }: KubeFailure): boolean {
  return kind === 'notFound' && group === resources.wafer.group;
}

function hostsIn(store: Store): Look['hosts'] {
  return store
    .of('node')
    .values()
    .map(({ object }) => hostOf(object));
}

function hostOf({ metadata }: KubeObject): Look['hosts'][number] {
  return { name: metadata.name, labels: metadata.labels ?? {} };
}

function unreadableIn(store: Store): Look['unreadable'] {
  const held = store.all().flatMap((cache) => cache.values());
  return held
    .filter(({ problems }) => problems.length > 0)
    .map(({ object, problems }) => ({ kind: object.kind, name: nameOf(object), problems }));
}

function nameOf({ metadata: { namespace, name } }: KubeObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** A lease that was given up is nobody's. */
function newestRenewal(leases: readonly KubeObject[]): string | undefined {
  const times = leases.flatMap(({ spec }) => {
    const { holderIdentity = '', renewTime = '' } = (spec ?? {}) as LeaseSpec;
    return holderIdentity === '' || renewTime === '' ? [] : [renewTime];
  });
  return times.toSorted((a, b) => (a < b ? -1 : 1)).at(-1);
}

type LeaseSpec = { readonly holderIdentity?: string; readonly renewTime?: string };
