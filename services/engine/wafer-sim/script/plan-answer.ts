import { allowedBy, ReticleError, ruleMatches, type ScriptedItem, type SimScript } from '@reticle/core/domain';
import type { Tool, ToolChoice } from '@reticle/core/domain';
import type { Item } from '@reticle/core/domain/tokens';

/** What decides which items a turn says. */
export type AnswerAsk = {
  readonly script: SimScript;
  readonly lastItem: Item | undefined;
  /** Tools of the request and of the context. */
  readonly tools: readonly Tool[];
  readonly choice: ToolChoice;
  readonly parallelToolCalls: boolean;
};

/** One item to generate. `text` undefined: by the tool's schema, or as the model's prose. */
export type PlannedItem =
  | { readonly kind: 'reasoning'; readonly tokens: number }
  | { readonly kind: 'call'; readonly tool: Tool; readonly text: string | undefined }
  | { readonly kind: 'message'; readonly text: string | undefined };

/**
 * The items of a scripted turn (PROTOCOL §4.1a): a call where one is demanded, else those of the first rule that
 * matches and whose tools may be called. Undefined: one message, as always.
 *
 * @param pick a number below its argument, from the turn's key
 * @throws ReticleError `invalid_request` when a call is demanded and no tool is there
 */
export function planAnswer(ask: AnswerAsk, pick: (count: number) => number): readonly PlannedItem[] | undefined {
  const tools = allowedBy(ask.choice, ask.tools);
  if (ask.choice.mode === 'required') {
    const tool = tools[pick(tools.length)];
    if (tool !== undefined) return [{ kind: 'call', tool, text: undefined }];
    throw new ReticleError('invalid_request', 'the choice names no tool that is there', {
      param: 'params.tool_choice_json',
    });
  }
  for (const rule of ask.script) {
    const items = ruleMatches(rule, ask.lastItem) ? plannedItems(rule.items, tools) : undefined;
    if (items !== undefined) return ask.parallelToolCalls ? items : withOneCall(items);
  }
  return undefined;
}

/** Undefined when one of the tools is not there. */
function plannedItems(items: readonly ScriptedItem[], tools: readonly Tool[]): readonly PlannedItem[] | undefined {
  const planned: PlannedItem[] = [];
  for (const item of items) {
    if (item.kind !== 'call') {
      planned.push(item.kind === 'message' ? { kind: 'message', text: item.text } : item);
      continue;
    }
    const tool = tools.find(({ name, kind }) => name === item.name && kind === (item.tool ?? kind));
    if (tool === undefined) return undefined;
    planned.push({ kind: 'call', tool, text: item.text });
  }
  return planned;
}

function withOneCall(items: readonly PlannedItem[]): readonly PlannedItem[] {
  const first = items.findIndex(({ kind }) => kind === 'call');
  return items.filter(({ kind }, index) => kind !== 'call' || index === first);
}
