import { describe, expect, test } from '@jest/globals';
import { parseSimScript, type Tool } from '@reticle/core/domain';
import { parseItem } from '@reticle/core/domain/tokens';
import { planAnswer, type AnswerAsk } from './plan-answer.ts';

const ls: Tool = { kind: 'function', name: 'ls', parameters: {} };
const patch: Tool = { kind: 'custom', name: 'patch' };
const call = (tool: Tool, text?: string) => ({ kind: 'call', tool, text });
const message = { kind: 'message', text: undefined };

const script = parseSimScript(
  JSON.stringify([
    {
      text: 'both',
      items: [{ reasoning: 4 }, { call: { name: 'ls', arguments: {} } }, { call: { name: 'patch', input: 'x' } }],
    },
    { text: 'list', items: [{ call: { name: 'ls', arguments: {} } }] },
    { text: 'list', items: [{ message: { text: 'I cannot.' } }] },
    { text: 'wrong', items: [{ call: { name: 'patch', arguments: {} } }] },
    { lastItem: 'function_call_output', items: [{ message: {} }] },
  ]),
  'script',
);

function planned(text: string, over: Partial<AnswerAsk> = {}): unknown {
  const lastItem = parseItem(JSON.stringify({ role: 'user', content: text }), 'x');
  const ask: AnswerAsk = { script, lastItem, tools: [ls, patch], choice: { mode: 'auto' }, parallelToolCalls: true };
  return planAnswer({ ...ask, ...over }, (count) => count - 1);
}

describe('planAnswer', () => {
  test.each([
    { name: 'the first rule that matches', text: 'list', over: {}, want: [call(ls, '{}')] },
    {
      name: 'several calls',
      text: 'both',
      over: {},
      want: [{ kind: 'reasoning', tokens: 4 }, call(ls, '{}'), call(patch, 'x')],
    },
    {
      name: 'one call at most',
      text: 'both',
      over: { parallelToolCalls: false },
      want: [{ kind: 'reasoning', tokens: 4 }, call(ls, '{}')],
    },
    {
      name: 'the next rule where a tool lacks',
      text: 'list',
      over: { tools: [patch] },
      want: [{ kind: 'message', text: 'I cannot.' }],
    },
    {
      name: 'the next rule where calls are forbidden',
      text: 'list',
      over: { choice: { mode: 'none' } },
      want: [{ kind: 'message', text: 'I cannot.' }],
    },
    { name: 'nothing, where a tool is of another kind', text: 'wrong', over: {}, want: undefined },
    { name: 'nothing, where no rule matches', text: 'hello', over: {}, want: undefined },
    { name: 'a demanded call of any tool', text: 'list', over: { choice: { mode: 'required' } }, want: [call(patch)] },
    {
      name: 'a demanded call of one tool',
      text: 'hello',
      over: { choice: { mode: 'required', only: ['ls'] } },
      want: [call(ls)],
    },
    {
      name: 'a rule within the tools allowed',
      text: 'both',
      over: { choice: { mode: 'auto', only: ['ls'] } },
      want: undefined,
    },
  ] as const)('$name', ({ text, over, want }) => {
    expect(planned(text, over)).toEqual(want);
  });

  test('an output is answered', () => {
    const lastItem = parseItem('{"type":"function_call_output","call_id":"c","output":"a"}', 'x');
    expect(planned('', { lastItem })).toEqual([message]);
  });

  test.each([{ only: ['cat'] }, { only: [] }])('a call that no tool can answer is refused ($only)', ({ only }) => {
    const refuse = (): unknown => planned('list', { choice: { mode: 'required', only } });
    expect(refuse).toThrow(expect.objectContaining({ code: 'invalid_request', param: 'params.tool_choice_json' }));
    expect(() => planned('list', { tools: [], choice: { mode: 'required' } })).toThrow();
  });
});
