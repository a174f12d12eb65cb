export { accessFiles } from './access-files.ts';
export { defaultNames, ENGINES_LABEL, FACTS_MAP, OPERATOR_LEASE, operatorUser, SERVING_MAP } from './access-object.ts';
export type { AccessNames, AccessObject } from './access-object.ts';
export { factsData } from './facts-data.ts';
export { factKeys } from './policies/facts.ts';
