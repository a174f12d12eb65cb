import type { CacheChange } from '@reticle/operator/cluster';
import type { Change, ChildFact, NodeFact, PodFact, StoredObject } from '@reticle/operator/plan';
import type { Held } from '../execute/store.ts';
import { childFact } from './child-fact.ts';
import { nodeFact } from './node-fact.ts';
import { podFact } from './pod-fact.ts';

/** What one object is to a plan; nothing, for one that cannot be read or is none of ours. */
type Fact =
  | { readonly kind: 'object'; readonly value: StoredObject }
  | { readonly kind: 'node'; readonly value: NodeFact }
  | { readonly kind: 'pod'; readonly value: PodFact }
  | { readonly kind: 'child'; readonly value: ChildFact };

/** Both sides of what became of one object since the last snapshot. */
type Both = { readonly before: Fact | undefined; now: Fact | undefined };

/**
 * What changed since the last snapshot, object by object: the first state and the last one, whatever came in between.
 * A pass costs what changed and not what there is.
 */
export class PendingChange {
  readonly #objects = new Map<string, Both>();

  add({ kind, key, value, before }: CacheChange<Held>): void {
    const now = kind === 'removed' ? undefined : factOf(value);
    const known = this.#objects.get(key);
    if (known !== undefined) known.now = now;
    else this.#objects.set(key, { before: kind === 'removed' ? factOf(value) : before && factOf(before), now });
  }

  /** The change as a snapshot takes it; nothing is pending after it. */
  take(nowMs: number): Change {
    const some: Fact[] = [];
    const gone: Fact[] = [];
    for (const { before, now } of this.#objects.values()) {
      if (before !== undefined && !isSuccessor(before, now)) gone.push(before);
      if (now !== undefined) some.push(now);
    }
    this.#objects.clear();
    return { nowMs, ...listed(some), removed: listed(gone) };
  }
}

function factOf({ object, stored }: Held): Fact | undefined {
  if (stored !== undefined) return stored.kind === 'Tenant' ? undefined : { kind: 'object', value: stored };
  if (object.kind === 'Node') return { kind: 'node', value: nodeFact(object) };
  if (object.kind === 'Pod') return of('pod', podFact(object));
  return of('child', childFact(object));
}

function of<K extends 'pod' | 'child', V>(kind: K, value: V | undefined): { kind: K; value: V } | undefined {
  return value === undefined ? undefined : { kind, value };
}

/** True when putting the new state in takes the old one out: the same identity in the same group. */
function isSuccessor(before: Fact, now: Fact | undefined): boolean {
  if (now?.kind !== before.kind) return false;
  return identityOf(before) === identityOf(now);
}

function identityOf({ kind, value }: Fact): string {
  switch (kind) {
    case 'object':
      return `${value.meta.uid} ${value.kind === 'Wafer' ? value.spec.poolRef : ''}`;
    case 'node':
      return value.name;
    case 'pod':
      return `${value.uid} ${value.replicaUid} ${value.epoch} ${value.stage}`;
    case 'child':
      return `${value.uid} ${value.replicaUid}`;
  }
}

function listed(facts: readonly Fact[]): Pick<Required<Change>, 'objects' | 'nodes' | 'pods' | 'children'> {
  return {
    objects: facts.flatMap((fact) => (fact.kind === 'object' ? [fact.value] : [])),
    nodes: facts.flatMap((fact) => (fact.kind === 'node' ? [fact.value] : [])),
    pods: facts.flatMap((fact) => (fact.kind === 'pod' ? [fact.value] : [])),
    children: facts.flatMap((fact) => (fact.kind === 'child' ? [fact.value] : [])),
  };
}
