import { describe, expect, test } from '@jest/globals';
import { checkParams } from './check-params.ts';

const refusal = (params: Parameters<typeof checkParams>[0]): unknown => {
  try {
    checkParams(params);
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
    {
      name: 'one that no engine takes',
      params: { stop: [], unsupported: 'params.verbosity' },
      want: 'unknown_parameter params.verbosity',
    },
  ])('$name', ({ params, want }) => {
    expect(refusal(params)).toBe(want);
  });
});
