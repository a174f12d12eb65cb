/** Tools of a request, as both OpenAI surfaces take them: what the model may call, and what nobody here runs (PROTOCOL §4.1a). */
import { checkToolChoice, parseToolChoice, parseToolList } from '@reticle/core/domain';
import { canonicalJson } from '@reticle/core/domain/tokens';
import type { TurnParams } from '@reticle/services/session';
import { flag, isFields, list, type Fields } from './json-fields.ts';

export type RequestTools = {
  readonly params: Pick<TurnParams, 'tools' | 'toolChoice' | 'parallelToolCalls'>;
  /** Tools that were dropped, as `tools.<type>`. */
  readonly ignored: readonly string[];
};

/**
 * `tools`, `tool_choice` and `parallel_tool_calls`.
 *
 * @throws ReticleError naming what is wrong (PROMISES §7.2 H16); `unknown_parameter` for a choice of a hosted tool
 */
export function decodeTools(fields: Fields): RequestTools {
  const given = list(fields, 'tools') ?? [];
  parseToolList(given, 'tools', { others: 'carry' });
  const isRun = (tool: unknown): boolean =>
    isFields(tool) && (tool['type'] === 'function' || tool['type'] === 'custom');
  const run = given.filter(isRun);
  const dropped = given.filter((tool) => !isRun(tool)).map((tool) => `tools.${String((tool as Fields)['type'])}`);
  const tools = parseToolList(run, 'tools', { others: 'refuse' });
  const toolChoice = choiceOf(fields);
  if (toolChoice !== undefined) checkToolChoice(parseToolChoice(toolChoice, 'tool_choice'), tools, 'tool_choice');
  const parallelToolCalls = flag(fields, 'parallel_tool_calls');
  return {
    params: {
      ...(run.length === 0 ? {} : { tools: canonicalJson(run) }),
      ...(toolChoice === undefined ? {} : { toolChoice }),
      ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
    },
    ignored: [...new Set(dropped)],
  };
}

function choiceOf(fields: Fields): string | undefined {
  const choice = fields['tool_choice'] ?? undefined;
  return choice === undefined ? undefined : JSON.stringify(choice);
}
