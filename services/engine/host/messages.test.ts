import { describe, expect, test } from '@jest/globals';
import type { Params } from '@reticle/proto/gen/session/v1/Params';
import { samplingParams } from './messages.ts';

const params: Params = {
  stop: ['x'],
  toolsJson: '',
  toolChoiceJson: '',
  textFormatJson: '',
  reasoningEffort: '',
  verbosity: '',
  topLogprobs: 0,
  outputLength: 0,
  choice: 0,
};
const SCHEMA = '{"type":"json_schema","schema":{"type":"object"}}';

describe('parameters of a start', () => {
  test.each([
    { name: 'none', asked: null, grammar: true, want: { stop: [] } },
    { name: 'no format', asked: params, grammar: false, want: { stop: ['x'] } },
    {
      name: 'a schema',
      asked: { ...params, textFormatJson: SCHEMA },
      grammar: true,
      want: { stop: ['x'], textFormat: SCHEMA },
    },
    {
      name: 'tools',
      asked: { ...params, toolsJson: '[]', toolChoiceJson: '"none"', parallelToolCalls: false },
      grammar: false,
      want: { stop: ['x'], tools: '[]', toolChoice: '"none"', parallelToolCalls: false },
    },
    {
      name: 'plain text, which any driver makes',
      asked: { ...params, textFormatJson: '{"type":"text"}' },
      grammar: false,
      want: { stop: ['x'] },
    },
  ])('$name', ({ asked, grammar, want }) => {
    expect(samplingParams(asked, { grammar })).toEqual(want);
  });

  test.each([
    { name: 'a schema at a driver without grammar', json: SCHEMA, grammar: false, want: 'unknown_parameter' },
    { name: 'no JSON at a driver with one', json: '{', grammar: true, want: 'invalid_json' },
    {
      name: 'a schema that a gateway should have refused',
      json: '{"type":"json_schema","schema":{"oneOf":[]}}',
      grammar: true,
      want: 'schema_too_complex',
    },
  ])('$name is refused by name', ({ json, grammar, want }) => {
    expect(() => samplingParams({ ...params, textFormatJson: json }, { grammar })).toThrow(
      expect.objectContaining({ code: want, param: 'params.text_format_json' }),
    );
  });
});
