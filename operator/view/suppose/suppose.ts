import { utcMs, type DeclaredObject } from '@reticle/operator/api';
import type {
  Facts,
  NodeFact,
  PodFact,
  StoredObject,
  StoredPool,
  StoredReplica,
  StoredWafer,
} from '@reticle/operator/plan';
import type { NamedObject } from '../kind-word.ts';
import { withFields, type WhatIf, type Wrong } from './change.ts';
import { assumedHosts, type Host } from './hosts.ts';

/** What is there: facts, and the labels by which pools find their hosts. Nothing at all for manifests alone. */
export type Sight = { readonly facts: Facts; readonly hosts: readonly Host[] };

type Inventory = {
  readonly pool: StoredPool;
  readonly wafers: readonly StoredWafer[];
  readonly nodes: readonly Host[];
  readonly replicas: readonly StoredReplica[];
};
/** Which wafers a pool lacks or has too many: the operator's own rule. */
export type WafersOf = (inventory: Inventory) => {
  readonly create: readonly { readonly name: string; readonly spec: Omit<StoredWafer['spec'], 'claim'> }[];
  readonly remove: readonly StoredWafer[];
};

export type Suppositions = {
  /** Objects as if they were applied. */
  readonly declared: readonly DeclaredObject[];
  readonly whatIfs: readonly WhatIf[];
  readonly wafersOf: WafersOf;
};

export type Supposed = { readonly facts: Facts; readonly assumptions: readonly string[] };

/** What would be there, and what had to be assumed for it; or what is wrong with a supposition. */
export function suppose(sight: Sight, { declared, whatIfs, wafersOf }: Suppositions): Supposed | Wrong {
  const assumptions: string[] = [];
  const applied = withDeclared(sight.facts, declared, assumptions);
  const changed = withChanges(applied, whatIfs);
  if ('wrong' in changed) return changed;
  const grown = withWafers({ facts: { ...sight.facts, objects: changed }, hosts: sight.hosts }, wafersOf, {
    known: new Set(sight.facts.objects.filter(({ kind }) => kind === 'WaferPool').map(({ meta }) => meta.name)),
    assumptions,
  });
  const facts = withHostStates(grown, whatIfs);
  if ('wrong' in facts) return facts;
  const supposed = whatIfs.filter(({ kind }) => kind === 'phase').map(({ of }) => `cph/${of.name} is `);
  return { facts, assumptions: assumptions.filter((words) => !supposed.some((start) => words.startsWith(start))) };
}

function isSame(object: StoredObject, { kind, namespace, name }: NamedObject): boolean {
  if (object.kind !== kind || object.meta.name !== name) return false;
  return namespace === undefined || object.meta.namespace === namespace;
}

/** Later ones are younger: of two that clash the older wins. */
function withDeclared(
  { objects, nowMs }: Facts,
  declared: readonly DeclaredObject[],
  assumptions: string[],
): readonly StoredObject[] {
  const next = [...objects];
  for (const [index, object] of declared.entries()) {
    // The planner reads no tenants.
    if (object.kind === 'Tenant') continue;
    const namespace = 'namespace' in object.metadata ? object.metadata.namespace : undefined;
    const name = { kind: object.kind, name: object.metadata.name, ...(namespace === undefined ? {} : { namespace }) };
    const at = next.findIndex((each) => isSame(each, name));
    const creationMs = nowMs - declared.length + index;
    const stored = storedOf(object, { before: next[at], creationMs, namespace });
    const known = stored.kind === 'CapacityPhase' ? withState(stored, nowMs, assumptions) : stored;
    if (at < 0) next.push(known);
    else next[at] = known;
  }
  return next;
}

type Stamp = {
  readonly before: StoredObject | undefined;
  readonly creationMs: number;
  readonly namespace: string | undefined;
};

function storedOf(object: Exclude<DeclaredObject, { kind: 'Tenant' }>, stamp: Stamp): StoredObject {
  const { kind, metadata, spec } = object;
  const { before, creationMs, namespace } = stamp;
  const { name, labels, annotations } = metadata;
  const fresh = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid: `${kind}/${namespace ?? ''}/${name}`,
    resourceVersion: '0',
    generation: 1,
    creationMs,
    finalizers: [],
    owners: [],
  };
  const meta = before === undefined ? fresh : { ...before.meta, generation: before.meta.generation + 1 };
  const status = before?.status === undefined ? {} : { status: before.status };
  // Kind and spec are of one decoded object, and the status of its namesake of the same kind.
  return { kind, meta: { ...meta, labels, annotations }, spec, ...status } as StoredObject;
}

type StoredPhase = Extract<StoredObject, { kind: 'CapacityPhase' }>;
type State = NonNullable<NonNullable<StoredPhase['status']>['state']>;

/** A phase that no operator has seen is where its dates say. */
function withState(phase: StoredPhase, nowMs: number, assumptions: string[]): StoredPhase {
  if (phase.status?.state !== undefined) return phase;
  const { power, racked, accepted, online, retire } = phase.spec.schedule;
  const dates = [
    ['Powered', power],
    ['Racked', racked],
    ['Accepted', accepted],
    ['Online', online],
    ['Draining', retire],
  ] as const;
  const reached = dates.findLast(([, text]) => text !== undefined && (utcMs(text) ?? Infinity) <= nowMs);
  const state = reached?.[0] ?? 'Contracted';
  const when = reached?.[1] === undefined ? 'none of its dates has come' : `its date was ${reached[1]}`;
  assumptions.push(`cph/${phase.meta.name} is ${state}: ${when}`);
  return withPhaseState(phase, state);
}

function withPhaseState(phase: StoredPhase, state: State): StoredPhase {
  return { ...phase, status: { ...phase.status, state, weightPercent: state === 'Online' ? 100 : 0 } };
}

function withChanges(objects: readonly StoredObject[], whatIfs: readonly WhatIf[]): readonly StoredObject[] | Wrong {
  const next = [...objects];
  const ofObjects = whatIfs.filter((each) => each.kind === 'field' || each.kind === 'phase');
  for (const { of } of ofObjects) {
    if (!next.some((object) => isSame(object, of))) return { wrong: `there is no ${of.kind}/${of.name} to change` };
  }
  for (const [index, object] of next.entries()) {
    const own = ofObjects.filter(({ of }) => isSame(object, of));
    const fields = own.filter((each) => each.kind === 'field');
    const changed = fields.length === 0 ? object : withFields(object, fields);
    if ('wrong' in changed) return changed;
    const state = own.find((each) => each.kind === 'phase')?.state;
    next[index] = state !== undefined && changed.kind === 'CapacityPhase' ? withPhaseState(changed, state) : changed;
  }
  return next;
}

type Growth = { readonly known: ReadonlySet<string>; readonly assumptions: string[] };

/** Every pool has the wafers of its source; hosts of pools that are not there yet are assumed. */
function withWafers({ facts, hosts }: Sight, wafersOf: WafersOf, { known, assumptions }: Growth): Facts {
  const { objects, nowMs } = facts;
  const replicas = objects.filter((object) => object.kind === 'ModelReplica');
  const wafers = objects.filter((object) => object.kind === 'Wafer');
  const added: StoredWafer[] = [];
  const removed = new Set<string>();
  const nodes: NodeFact[] = [...facts.nodes];
  for (const pool of objects.filter((object) => object.kind === 'WaferPool')) {
    const assumed = known.has(pool.meta.name) ? undefined : assumedHosts(pool, nowMs);
    if (assumed !== undefined) {
      assumptions.push(assumed.words);
      nodes.push(...assumed.facts);
    }
    const own = wafers.filter(({ spec }) => spec.poolRef === pool.meta.name);
    const { create, remove } = wafersOf({ pool, wafers: own, nodes: assumed?.hosts ?? hosts, replicas });
    added.push(...create.map(({ name, spec }) => newWafer(name, spec, nowMs)));
    for (const { meta } of remove) removed.add(meta.uid);
  }
  return { ...facts, nodes, objects: [...objects.filter(({ meta }) => !removed.has(meta.uid)), ...added] };
}

function newWafer(name: string, spec: StoredWafer['spec'], creationMs: number): StoredWafer {
  const meta = { name, uid: `Wafer//${name}`, resourceVersion: '0', generation: 1, creationMs };
  return { kind: 'Wafer', meta: { ...meta, finalizers: [], labels: {}, annotations: {}, owners: [] }, spec };
}

function withHostStates(facts: Facts, whatIfs: readonly WhatIf[]): Facts | Wrong {
  let next = facts;
  for (const each of whatIfs) {
    if (each.kind !== 'node' && each.kind !== 'wafer') continue;
    const changed = each.kind === 'node' ? withNode(next, each) : withWaferState(next, each);
    if ('wrong' in changed) return changed;
    next = changed;
  }
  return next;
}

function withNode(facts: Facts, { of, state }: Extract<WhatIf, { kind: 'node' }>): Facts | Wrong {
  const node = facts.nodes.find(({ name }) => name === of.name);
  if (node === undefined) return { wrong: `there is no node ${of.name}` };
  const others = facts.nodes.filter(({ name }) => name !== of.name);
  const runsThere = podsOn(facts, of.name);
  // The cluster deletes the pods of a node that is not there.
  if (state === 'gone') return { ...facts, nodes: others, pods: facts.pods.filter((pod) => !runsThere(pod)) };
  const ready = state !== 'notready';
  // Long enough ago that nobody waits for it to come back.
  const since = { readySinceMs: facts.nowMs - LOST_FOR_MS };
  const pods = ready ? facts.pods : facts.pods.map((pod) => (runsThere(pod) ? { ...pod, ...since, ready } : pod));
  const changed = { ...node, ...(ready === node.ready ? {} : since), ready, unschedulable: state === 'cordoned' };
  return { ...facts, pods, nodes: [...others, changed] };
}

/** Which pods run on a node: a pod is pinned to the host of its stage's wafer. */
function podsOn({ objects }: Facts, node: string): (pod: PodFact) => boolean {
  const claims = objects.flatMap((object) => {
    return object.kind === 'Wafer' && object.spec.nodeName === node ? (object.spec.claim ?? []) : [];
  });
  const held = new Set(claims.map(({ uid, replicaEpoch, stage }) => `${uid} ${replicaEpoch} ${stage}`));
  return ({ replicaUid, epoch, stage }) => held.has(`${replicaUid} ${epoch} ${stage}`);
}

const LOST_FOR_MS = 600_000;

function withWaferState(facts: Facts, { of, state }: Extract<WhatIf, { kind: 'wafer' }>): Facts | Wrong {
  if (!facts.objects.some((object) => isSame(object, of))) return { wrong: `there is no Wafer/${of.name}` };
  const known = facts.wafers.find(({ wafer }) => wafer === of.name);
  const others = facts.wafers.filter(({ wafer }) => wafer !== of.name);
  return { ...facts, wafers: [...others, { ...known, wafer: of.name, healthy: state === 'healthy' }] };
}
