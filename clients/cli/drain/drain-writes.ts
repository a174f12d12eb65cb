import { drainAnnotations } from '@reticle/operator/api';
import type { Facts, StoredPool, StoredWafer } from '@reticle/operator/plan';
import { namedObject } from '@reticle/operator/view';

/** What shall be drained. */
export type DrainTarget =
  | { readonly kind: 'pool' | 'region' | 'node'; readonly name: string }
  | { readonly kind: 'replica' | 'deployment'; readonly namespace?: string; readonly name: string };

/** One merge patch, and what it does in words. */
export type DrainWrite = {
  readonly resource: 'waferPool' | 'node' | 'modelReplica' | 'modelDeployment';
  readonly namespace?: string;
  readonly name: string;
  readonly body: object;
  readonly words: string;
  /** Chains that leave because of it, as `namespace/name`. */
  readonly chains: readonly string[];
};

export type Wrong = { readonly wrong: string };

/** `wp/NAME`, `region/NAME`, `node/NAME`, `mr/NAME` or `md/NAME`. */
export function drainTarget(text: string): DrainTarget | Wrong {
  const region = /^region\/([^/]+)$/.exec(text)?.[1];
  if (region !== undefined) return { kind: 'region', name: region };
  const named = namedObject(text);
  if ('wrong' in named) return { wrong: `${named.wrong}; region/NAME is one, too` };
  const { kind, name, namespace } = named;
  const place = namespace === undefined ? {} : { namespace };
  switch (kind) {
    case 'WaferPool':
      return { kind: 'pool', name };
    case 'Node':
      return { kind: 'node', name };
    case 'ModelReplica':
      return { kind: 'replica', name, ...place };
    case 'ModelDeployment':
      return { kind: 'deployment', name, ...place };
    default:
      return { wrong: `${text} cannot be drained; wp/NAME, region/NAME, node/NAME and mr/NAME can` };
  }
}

/** `undo`: gives back to use what an earlier drain closed. */
export type DrainWish = { readonly reason: string; readonly undo: boolean };

/** The writes that drain a target, or open it again. */
export function drainWrites(facts: Facts, target: DrainTarget, wish: DrainWish): readonly DrainWrite[] | Wrong {
  switch (target.kind) {
    case 'pool':
    case 'region':
      return poolWrites(facts, target, wish);
    case 'node':
      return nodeWrites(facts, target.name, wish);
    case 'replica':
      return replicaWrites(facts, target, wish);
    case 'deployment':
      return { wrong: `md/${target.name} is drained by its regions and replicas: change its spec, or drain mr/NAME` };
  }
}

function poolWrites(
  { objects }: Facts,
  { kind, name }: Extract<DrainTarget, { kind: 'pool' | 'region' | 'node' }>,
  wish: DrainWish,
): readonly DrainWrite[] | Wrong {
  const pools = objects.filter((object) => object.kind === 'WaferPool');
  const meant = pools.filter(({ meta, spec }) => (kind === 'pool' ? meta.name : spec.region) === name);
  if (meant.length === 0) {
    const known = pools.map(({ meta, spec }) => (kind === 'pool' ? `wp/${meta.name}` : `region/${spec.region}`));
    return { wrong: `there is no ${kind} ${name}; there are: ${[...new Set(known)].join(', ') || 'none'}` };
  }
  const wafers = objects.filter((object) => object.kind === 'Wafer');
  return meant.map((pool) => poolWrite(pool, wafers, wish));
}

function poolWrite(
  { meta, spec }: StoredPool,
  wafers: readonly StoredWafer[],
  { reason, undo }: DrainWish,
): DrainWrite {
  const { name } = meta;
  const of = { resource: 'waferPool' as const, name };
  if (undo)
    return { ...of, body: { spec: { service: 'Open', serviceReason: null } }, words: `wp/${name} is Open`, chains: [] };
  const body = { spec: { service: 'Evacuate', serviceReason: reason } };
  const own = wafers.filter((wafer) => wafer.spec.poolRef === name);
  return { ...of, body, words: `wp/${name} in ${spec.region} is evacuated: ${reason}`, chains: chainsOn(own) };
}

function nodeWrites({ objects, nodes }: Facts, name: string, { undo }: DrainWish): readonly DrainWrite[] | Wrong {
  if (!nodes.some((node) => node.name === name)) return { wrong: `there is no node ${name}` };
  const own = objects.filter((object) => object.kind === 'Wafer').filter(({ spec }) => spec.nodeName === name);
  const words = undo ? `node/${name} takes chains again` : `node/${name} is cordoned`;
  const body = { spec: { unschedulable: undo ? null : true } };
  return [{ resource: 'node', name, body, words, chains: undo ? [] : chainsOn(own) }];
}

type Named = { readonly name: string; readonly namespace?: string };

function replicaWrites({ objects }: Facts, { name, namespace }: Named, wish: DrainWish): readonly DrainWrite[] | Wrong {
  const meant = objects
    .filter((object) => object.kind === 'ModelReplica')
    .filter(({ meta }) => meta.name === name && (namespace === undefined || meta.namespace === namespace));
  const [replica, twin] = meant;
  if (replica === undefined) return { wrong: `there is no mr/${name}` };
  if (twin !== undefined) return { wrong: `several namespaces have mr/${name}: name one as mr/NAMESPACE/NAME` };
  if (wish.undo && replica.spec.desired === 'Retire')
    return { wrong: `mr/${name} retires already; that is not taken back` };
  const place = replica.meta.namespace === undefined ? {} : { namespace: replica.meta.namespace };
  const annotations = { [drainAnnotations.retireRequested]: wish.undo ? null : wish.reason };
  const words = wish.undo ? `mr/${name} stays` : `mr/${name} is replaced, then retires: ${wish.reason}`;
  const chains = wish.undo ? [] : [`${replica.meta.namespace ?? ''}/${name}`];
  return [{ resource: 'modelReplica', ...place, name, body: { metadata: { annotations } }, words, chains }];
}

/** The write by which somebody says that many replicas of a deployment may go at once, in this term. */
export function confirmWrite(facts: Facts, { name, namespace }: Named, term: string): DrainWrite | Wrong {
  const meant = facts.objects
    .filter((object) => object.kind === 'ModelDeployment')
    .filter(({ meta }) => meta.name === name && (namespace === undefined || meta.namespace === namespace));
  const [deployment, twin] = meant;
  if (deployment === undefined) return { wrong: `there is no md/${name}` };
  if (twin !== undefined) return { wrong: `several namespaces have md/${name}: name one as md/NAMESPACE/NAME` };
  const place = deployment.meta.namespace === undefined ? {} : { namespace: deployment.meta.namespace };
  const body = { metadata: { annotations: { [drainAnnotations.confirmMass]: term } } };
  const words = `md/${name} may lose more than 30 % of a region's replicas once, in term ${term}`;
  return { resource: 'modelDeployment', ...place, name, body, words, chains: [] };
}

function chainsOn(wafers: readonly StoredWafer[]): readonly string[] {
  const holders = wafers.flatMap(({ spec: { claim } }) =>
    claim === undefined ? [] : [`${claim.namespace}/${claim.replica}`],
  );
  return [...new Set(holders)].toSorted((a, b) => (a < b ? -1 : 1));
}
