export { boundVectors } from './bound-vectors.ts';
export type { BoundVector } from './bound-vectors.ts';
export { baseOf, judgeStates, ruleVectors, statesOf } from './rule-vectors.ts';
export type { Json, JsonObject, RuleVectors, Vector } from './rule-vectors.ts';
