import type { ModelDefaults } from '@reticle/core/domain';
import type { CreateResponse } from './create-response.ts';

/** Roles whose messages instruct; items are canonical JSON, in whose strings a quotation mark is escaped. */
const INSTRUCTING = ['"role":"developer"', '"role":"system"'] as const;

/**
 * What a request leaves to its model (PROTOCOL §4.1a), named in `reticle.defaults`: instructions where it has neither its
 * own nor a system or developer item, and what becomes of its tools. What goes on from another response has that one's
 * instructions in its context already.
 */
export function withDefaults(create: CreateResponse, defaults: ModelDefaults | undefined): CreateResponse {
  if (defaults === undefined) return create;
  const { instructions = '', toolPolicy = {} } = defaults;
  const { items, params, echo, previousResponseId } = create;
  const instructs = instructions !== '' && previousResponseId === undefined && !hasInstructions(create);
  const { parallelToolCalls: parallel, defaultToolChoice: choice } = params.tools === undefined ? {} : toolPolicy;
  const setsParallel = parallel !== undefined && params.parallelToolCalls === undefined;
  const setsChoice = choice !== undefined && params.toolChoice === undefined;
  const names = [
    ...(instructs ? ['instructions'] : []),
    ...(setsParallel ? ['parallel_tool_calls'] : []),
    ...(setsChoice ? ['tool_choice'] : []),
  ];
  if (names.length === 0) return create;
  return {
    ...create,
    items: instructs ? [instructionItem(instructions), ...items] : items,
    params: {
      ...params,
      ...(setsParallel ? { parallelToolCalls: parallel } : {}),
      ...(setsChoice ? { toolChoice: JSON.stringify(choice) } : {}),
    },
    echo: {
      ...echo,
      ...(setsParallel ? { parallelToolCalls: parallel } : {}),
      ...(setsChoice ? { toolChoice: choice } : {}),
    },
    defaults: names,
  };
}

function hasInstructions({ items }: CreateResponse): boolean {
  return items.some((json) => INSTRUCTING.some((role) => json.includes(role)));
}

/** Instructions as the first item of a turn. */
export function instructionItem(instructions: string): string {
  return JSON.stringify({ type: 'message', role: 'developer', content: instructions });
}
