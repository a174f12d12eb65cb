import type { ModelDefaults } from '@reticle/core/domain';
import type { ItemInput } from '@reticle/services/session';
import type { CreateResponse } from './create-response.ts';
import { itemInput } from './decode-input.ts';

type ToolPolicy = NonNullable<ModelDefaults['toolPolicy']>;

const NAMES = { parallelToolCalls: 'parallel_tool_calls', toolChoice: 'tool_choice' } as const;

/** Roles whose messages instruct; items are canonical JSON, in whose strings a quotation mark is escaped. */
const INSTRUCTING = ['"role":"developer"', '"role":"system"'] as const;

/**
 * What a request leaves to its model (PROTOCOL §4.1a), named in `reticle.defaults`: instructions where it has neither its
 * own nor a system or developer item, and what becomes of its tools. What goes on from another response has that one's
 * instructions in its context already.
 */
export function withDefaults(create: CreateResponse, defaults: ModelDefaults | undefined): CreateResponse {
  return withToolPolicy(withInstructions(create, defaults?.instructions ?? ''), defaults?.toolPolicy ?? {});
}

function withInstructions(create: CreateResponse, instructions: string): CreateResponse {
  const { items, previousResponseId } = create;
  if (instructions === '' || previousResponseId !== undefined || hasInstructions(create)) return create;
  return { ...create, items: [instructionItem(instructions), ...items], defaults: ['instructions'] };
}

function withToolPolicy(create: CreateResponse, policy: ToolPolicy): CreateResponse {
  const { params, echo, defaults = [] } = create;
  const { parallelToolCalls: parallel, defaultToolChoice: choice } = params.tools === undefined ? {} : policy;
  const isParallel = params.parallelToolCalls === undefined ? parallel : undefined;
  const chosen = params.toolChoice === undefined ? choice : undefined;
  if (isParallel === undefined && chosen === undefined) return create;
  const given = {
    ...(isParallel === undefined ? {} : { parallelToolCalls: isParallel }),
    ...(chosen === undefined ? {} : { toolChoice: chosen }),
  };
  const words = Object.keys(given).map((name) => NAMES[name as keyof typeof NAMES]);
  return {
    ...create,
    params: { ...params, ...given, ...(chosen === undefined ? {} : { toolChoice: JSON.stringify(chosen) }) },
    echo: { ...echo, ...given },
    defaults: [...defaults, ...words],
  };
}

function hasInstructions({ items }: CreateResponse): boolean {
  return items.some(({ json }) => INSTRUCTING.some((role) => json.includes(role)));
}

/** Instructions as the first item of a turn. */
export function instructionItem(instructions: string): ItemInput {
  return itemInput({ type: 'message', role: 'developer', content: instructions });
}
