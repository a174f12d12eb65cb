export { Operator } from './operator.ts';
export type { OperatorOptions } from './operator.ts';
export type { PodOptions } from './render/pod.ts';
