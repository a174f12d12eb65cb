import { decodeObject, kinds } from '../kinds.ts';
import { decodeValue } from '../decode.ts';
import type { Problem } from '../problem.ts';
import type { Schema } from '../schema.ts';
import { refuseWrite } from '../transition.ts';
import { accessVectors } from './access.ts';
import { bases } from './bases.ts';
import { capacityVectors } from './capacity.ts';
import { deploymentVectors } from './deployment.ts';
import { modelVectors } from './model.ts';
import { phaseVectors } from './phase.ts';
import { replicaVectors } from './replica.ts';
import { waferVectors } from './wafer.ts';

/** A JSON value as manifests hold it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [name: string]: Json };

/** RFC 7386 merge patch on the kind's base object. */
type Patch = JsonObject;

/**
 * One case: the patch of the object that is created, or the patches of the states that an object goes through, each on
 * the base and not on the state before. All states but the last are sound; the last is what the rule judges.
 */
export type Vector = Patch | readonly Patch[];

/** Accept and refuse cases of one rule. */
export type RuleVectors = {
  readonly rule: string;
  readonly kind: keyof typeof kinds;
  /** The rule judges the status: an object is created from the base, and the patches make its status out of nothing. */
  readonly of?: 'status';
  readonly accept: readonly Vector[];
  readonly refuse: readonly Vector[];
  /** Rules that cannot but refuse the same cases. */
  readonly also?: readonly string[];
};

/** Cases of every rule of every kind. They run through the twins and through a real API server. */
export const ruleVectors: readonly RuleVectors[] = [
  ...capacityVectors,
  ...phaseVectors,
  ...waferVectors,
  ...accessVectors,
  ...modelVectors,
  ...deploymentVectors,
  ...replicaVectors,
];

/** The base object of a kind. */
export function baseOf(kind: RuleVectors['kind']): JsonObject {
  return bases[kind];
}

/** The states that a case goes through: whole objects, or for rules of the status whole statuses. */
export function statesOf(row: RuleVectors, vector: Vector): readonly JsonObject[] {
  const from = row.of === 'status' ? {} : baseOf(row.kind);
  const patches = isList(vector) ? vector : [vector];
  return patches.map((patch) => mergePatch(from, patch));
}

/** What the twins say of the states in turn; judging ends with the first that is refused. */
export function judgeStates(row: RuleVectors, states: readonly JsonObject[]): readonly (readonly Problem[])[] {
  const { schema, status } = kinds[row.kind];
  const whole: Schema<unknown> = row.of === 'status' ? status : schema;
  const verdicts: (readonly Problem[])[] = [];
  let before: unknown;
  for (const state of states) {
    const { ok, problems = refuseWrite<unknown>(whole, ok, before) } =
      row.of === 'status' ? decodeValue<unknown>(status, state) : decodeObject(kinds, state);
    verdicts.push(problems);
    if (problems.length > 0) break;
    before = ok;
  }
  return verdicts;
}

const isList = (vector: Vector): vector is readonly Patch[] => Array.isArray(vector);

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function mergePatch(target: JsonObject, patch: JsonObject): JsonObject {
  const result = new Map<string, Json>(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    const old = result.get(key);
    if (value === null) result.delete(key);
    else result.set(key, isObject(value) ? mergePatch(isObject(old) ? old : {}, value) : value);
  }
  return Object.fromEntries(result);
}
