export { lookAt } from './look.ts';
export type { Look } from './look.ts';
