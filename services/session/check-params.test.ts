import { describe, expect, test } from '@jest/globals';
import type { TurnParams } from './commands.ts';
import { checkParams, withCanonicalTools } from './check-params.ts';

const refusal = (params: TurnParams, check: (params: TurnParams) => unknown = checkParams): unknown => {
  try {
    check(params);
    return 'accepted';
  } catch (error) {
    const { code, param } = error as { code: string; param: string };
    return `${code} ${param}`;
  }
};

describe('sampling parameters', () => {
  test.each([
    { name: 'none', params: { stop: [] }, want: 'accepted' },
    { name: 'greedy', params: { stop: [], temperature: 0 }, want: 'accepted' },
    { name: 'the hottest', params: { stop: [], temperature: 2 }, want: 'accepted' },
    { name: 'too hot', params: { stop: [], temperature: 2.01 }, want: 'value_out_of_range params.temperature' },
    { name: 'below zero', params: { stop: [], temperature: -0.1 }, want: 'value_out_of_range params.temperature' },
    {
      name: 'not a number',
      params: { stop: [], temperature: Number.NaN },
      want: 'value_out_of_range params.temperature',
    },
    { name: 'all of the mass', params: { stop: [], topP: 1 }, want: 'accepted' },
    { name: 'none of the mass', params: { stop: [], topP: 0 }, want: 'value_out_of_range params.top_p' },
    { name: 'more than all', params: { stop: [], topP: 1.5 }, want: 'value_out_of_range params.top_p' },
    { name: 'four stops', params: { stop: ['a', 'b', 'c', 'd'] }, want: 'accepted' },
    { name: 'five stops', params: { stop: ['a', 'b', 'c', 'd', 'e'] }, want: 'value_out_of_range params.stop' },
    { name: 'an empty stop', params: { stop: [''] }, want: 'value_out_of_range params.stop' },
    { name: 'an endless stop', params: { stop: ['x'.repeat(257)] }, want: 'value_out_of_range params.stop' },
    { name: 'the last sibling', params: { stop: [], choice: 7 }, want: 'accepted' },
    { name: 'one sibling too many', params: { stop: [], choice: 8 }, want: 'value_out_of_range params.choice' },
    {
      name: 'the largest number of the wire',
      params: { stop: [], choice: 2 ** 32 - 1 },
      want: 'value_out_of_range params.choice',
    },
    { name: 'plain text', params: { stop: [], textFormat: '{"type":"text"}' }, want: 'accepted' },
    {
      name: 'a schema',
      params: { stop: [], textFormat: '{"type":"json_schema","schema":{"type":"object"}}' },
      want: 'accepted',
    },
    {
      name: 'a pattern that backtracks',
      params: { stop: [], textFormat: '{"type":"json_schema","schema":{"pattern":"(a+)+$"}}' },
      want: 'schema_too_complex params.text_format_json',
    },
    {
      name: 'half a format',
      params: { stop: [], textFormat: '{"type":' },
      want: 'invalid_json params.text_format_json',
    },
    {
      name: 'one that no engine takes',
      params: { stop: [], unsupported: 'params.verbosity' },
      want: 'unknown_parameter params.verbosity',
    },
  ])('$name', ({ params, want }) => {
    expect(refusal(params)).toBe(want);
  });
});

describe('tools of a turn', () => {
  const ls = '{"type":"function","name":"ls"}';
  const tools = `[ ${ls} ]`;
  test.each([
    { name: 'none', params: { stop: [] }, want: { stop: [] } },
    { name: 'an empty list, which is none', params: { stop: [], tools: '[]' }, want: { stop: [] } },
    {
      name: 'in canonical form',
      params: { stop: [], tools },
      want: { stop: [], tools: '[{"name":"ls","type":"function"}]' },
    },
    {
      name: 'a choice of what stands in the context alone',
      params: { stop: [], toolChoice: '{"type":"custom","name":"patch"}' },
      want: { stop: [], toolChoice: '{"type":"custom","name":"patch"}' },
    },
  ])('$name', ({ params, want }) => {
    expect(withCanonicalTools(params)).toEqual(want);
  });

  test.each([
    {
      name: 'a tool without a type',
      params: { stop: [], tools: '[{"name":"ls"}]' },
      want: 'invalid_request params.tools_json[0].type',
    },
    { name: 'half a list', params: { stop: [], tools: '[' }, want: 'invalid_json params.tools_json' },
    {
      name: 'a choice beside the tools',
      params: { stop: [], tools, toolChoice: '{"type":"function","name":"cat"}' },
      want: 'invalid_request params.tool_choice_json',
    },
    {
      name: 'a hosted choice',
      params: { stop: [], tools, toolChoice: '{"type":"web_search"}' },
      want: 'unknown_parameter params.tool_choice_json.type',
    },
  ])('$name is refused', ({ params, want }) => {
    expect(refusal(params, withCanonicalTools)).toBe(want);
  });
});
