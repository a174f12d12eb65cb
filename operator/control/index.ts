export { Operator } from './operator.ts';
export type { OperatorOptions } from './operator.ts';
export type { PodOptions } from './render/pod.ts';
export { engineId } from './render/chain-document.ts';
export { POD_PORT } from './render/pod.ts';
