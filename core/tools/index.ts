export { resolveTool } from './resolve-tool.ts';
export type { ResolvedTool, ToolResult, ToolWay } from './resolve-tool.ts';
export type { ToolName } from './tool-table.ts';
