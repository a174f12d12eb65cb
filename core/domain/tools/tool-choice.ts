import { ReticleError } from '../reticle-error.ts';
import { invalid, isFields, parseJson, type Fields } from '../tokens/item-fields.ts';
import { toolName, type Tool } from './tool.ts';

/** Whether the model may, must or must not call, and which tools alone when not all of them. */
export type ToolChoice = { readonly mode: 'auto' | 'none' | 'required'; readonly only?: readonly string[] };

const MODES = ['auto', 'none', 'required'] as const;

/**
 * `tool_choice` of the Responses API as JSON: a mode, one tool by name (which must be called), or `allowed_tools`.
 *
 * @throws ReticleError `unknown_parameter` for a hosted tool, which nobody here runs (PROTOCOL §4.1a); `invalid_request`
 */
export function parseToolChoice(json: string, param: string): ToolChoice {
  const value = parseJson(json, param);
  const mode = MODES.find((known) => known === value);
  if (mode !== undefined) return { mode };
  if (!isFields(value)) throw invalid(`a choice is ${MODES.join(', ')} or a tool`, param);
  if (value['type'] === 'allowed_tools') return allowedTools(value, param);
  return { mode: 'required', only: [namedTool(value, param)] };
}

function allowedTools(value: Fields, param: string): ToolChoice {
  const mode = MODES.find((known) => known === value['mode'] && known !== 'none');
  if (mode === undefined) throw invalid('mode is auto or required', `${param}.mode`);
  const { tools } = value;
  if (!Array.isArray(tools)) throw invalid('tools are a list', `${param}.tools`);
  return { mode, only: tools.map((tool: unknown, index) => namedTool(tool, `${param}.tools[${index}]`)) };
}

function namedTool(value: unknown, param: string): string {
  if (!isFields(value)) throw invalid('a tool is named by an object', param);
  const { type } = value;
  if (typeof type !== 'string') throw invalid('type must be a string', `${param}.type`);
  if (type !== 'function' && type !== 'custom') {
    throw new ReticleError('unknown_parameter', 'a hosted tool cannot be chosen', { param: `${param}.type` });
  }
  return toolName(value['name'], `${param}.name`);
}

/**
 * A name that is asked for beside other tools is a mistake; without any the tools may stand in the context alone.
 *
 * @throws ReticleError `invalid_request`
 */
export function checkToolChoice({ only }: ToolChoice, tools: readonly Tool[], param: string): void {
  const isMissing = (name: string): boolean => !tools.some((tool) => tool.name === name);
  if (tools.length > 0 && only?.some(isMissing) === true)
    throw invalid('the choice names a tool that is not there', param);
}

/** The tools that a choice leaves. */
export function allowedBy({ mode, only }: ToolChoice, tools: readonly Tool[]): readonly Tool[] {
  if (mode === 'none') return [];
  return only === undefined ? tools : tools.filter(({ name }) => only.includes(name));
}
