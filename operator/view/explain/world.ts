import type { Condition, kinds, Problem, Stored } from '@reticle/operator/api';
import {
  snapshotOf,
  type Facts,
  type Snapshot,
  type StoredDeployment,
  type StoredObject,
  type StoredReplica,
} from '@reticle/operator/plan';
import { shortKind, type NamedObject } from '../kind-word.ts';

export type StoredTenant = Stored<(typeof kinds)['Tenant']>;
/** What can be explained beside hosts. */
export type Subject = StoredObject | StoredTenant;

/** What an explanation is made from: objects alone, so that it works without an operator. */
export type Evidence = {
  readonly facts: Facts;
  readonly tenants: readonly StoredTenant[];
  /** Objects that this version cannot read. */
  readonly unreadable: readonly {
    readonly kind: string;
    readonly name: string;
    readonly problems: readonly Problem[];
  }[];
  /** Resources that could not be read. */
  readonly unseen: readonly string[];
  /** When an operator last renewed its lease; undefined: none is seen. */
  readonly operatorSeenMs: number | undefined;
};

/** The evidence with what is looked up in it. */
export type World = Evidence & { readonly snapshot: Snapshot; readonly nowMs: number };

export function worldOf(evidence: Evidence): World {
  return { ...evidence, snapshot: snapshotOf(evidence.facts), nowMs: evidence.facts.nowMs };
}

/** Every object of this name; several when a namespace is not given. */
export function find({ facts, tenants }: Evidence, { kind, namespace, name }: NamedObject): readonly Subject[] {
  const all: readonly Subject[] = [...facts.objects, ...tenants];
  return all.filter(({ kind: own, meta }) => {
    return own === kind && meta.name === name && (namespace === undefined || meta.namespace === namespace);
  });
}

/** `md/agent-1t`. */
export function subjectName({ kind, meta }: Subject): string {
  return `${shortKind(kind)}/${meta.name}`;
}

/** Conditions that speak of the present spec; those of an earlier generation say nothing of it (OPERATOR §1 rule 7). */
export function currentConditions({ meta, status }: Subject): readonly Condition[] {
  return (status?.conditions ?? []).filter(({ observedGeneration }) => observedGeneration === meta.generation);
}

export function replicasOf({ snapshot }: World, { meta }: StoredDeployment): readonly StoredReplica[] {
  return snapshot.replicas.get(meta.uid) ?? [];
}

/** A pool with its wafers. */
export type Pool = Snapshot['pools'] extends ReadonlyMap<string, infer State> ? State : never;
export type PoolWafer = Pool['wafers'][number];
