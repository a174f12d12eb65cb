export { StepFrameReader, StepFrameWriter } from './step-frame.ts';
export type { StepRow, WireItemMark } from './step-frame.ts';
export { TokenFrameWriter } from './token-frame.ts';
export type { TokenFrameOptions, WireTokenRun } from './token-frame.ts';
