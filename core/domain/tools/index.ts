export { parseToolList, parseTools } from './tool.ts';
export type { Tool, ToolSet } from './tool.ts';
export { allowedBy, checkToolChoice, parseToolChoice } from './tool-choice.ts';
export type { ToolChoice } from './tool-choice.ts';
