import { describe, expect, test } from '@jest/globals';
import { requestParam } from './json-fields.ts';

describe('requestParam', () => {
  test.each([
    { param: 'input[2].item_json.role', want: 'input[2].role' },
    { param: 'params.tools_json', want: 'tools' },
    { param: 'params.tools_json[3].name', want: 'tools[3].name' },
    { param: 'params.tool_choice_json', want: 'tool_choice' },
    { param: 'params.temperature', want: 'temperature' },
    { param: 'max_output_tokens', want: 'max_output_tokens' },
  ])('$param is $want', ({ param, want }) => {
    expect(requestParam(param)).toBe(want);
  });
});
