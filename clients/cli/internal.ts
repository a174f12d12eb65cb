/** For tests that run commands without a process each. */
export { commands } from './commands.ts';
export type { Context } from './context.ts';
export { dispatch } from './dispatch.ts';
