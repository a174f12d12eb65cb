import { GROUP } from '../kind.ts';

/** A JSON value of a Kubernetes object. */
type Json = boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/** An object that the chart carries: who may do what. */
export type AccessObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: Json | undefined;
};

/** What an installation calls its operator and its namespaces. */
export type AccessNames = {
  /** Where the operator runs: its lease, its snapshot and its facts. */
  readonly namespace: string;
  /** Service account that the operator runs as. */
  readonly account: string;
  /** Namespaces of engine pods; each carries the label {@link ENGINES_LABEL}. */
  readonly engines: readonly string[];
};

/** Names that the committed files of the chart carry; a release puts its own in their place. */
export const defaultNames: AccessNames = {
  namespace: 'reticle-system',
  account: 'reticle-operator',
  engines: ['reticle-models'],
};

/** Label of a namespace in which the operator may run engines, with the value `enabled` (OPERATOR §18). */
export const ENGINES_LABEL = `${GROUP}/engines`;
/** Lease of the leading operator. */
export const OPERATOR_LEASE = 'reticle-operator';
/** ConfigMap with the serving snapshot, gateways' boot copy (OPERATOR §16). */
export const SERVING_MAP = 'reticle-serving';
/** ConfigMap that admission policies look regions and contracts up in (OPERATOR §18). */
export const FACTS_MAP = 'reticle-facts';

/** Name of the operator as the API server knows it: what a developer's operator impersonates (OPERATOR §23). */
export function operatorUser({ namespace, account }: AccessNames = defaultNames): string {
  return `system:serviceaccount:${namespace}:${account}`;
}
