import { describe, expect, test } from '@jest/globals';

import { isReticleError } from '../reticle-error.ts';
import { parseTools } from './tool.ts';
import { allowedBy, parseToolChoice } from './tool-choice.ts';

function refusal(read: () => unknown): readonly unknown[] {
  try {
    read();
  } catch (error) {
    if (isReticleError(error)) return [error.code, error.param];
    throw error;
  }
  throw new Error('was accepted');
}

const lsTool = { type: 'function', name: 'ls' };

describe('parseTools', () => {
  test('reads functions and custom tools, and writes them in canonical form', () => {
    const json =
      '[ {"type":"function","name":"ls","parameters":{"type":"object","properties":{}}}, {"name":"patch", "type":"custom"} ]';
    expect(parseTools(json, 'tools')).toEqual({
      json: '[{"name":"ls","parameters":{"properties":{},"type":"object"},"type":"function"},{"name":"patch","type":"custom"}]',
      tools: [
        { kind: 'function', name: 'ls', parameters: { type: 'object', properties: {} } },
        { kind: 'custom', name: 'patch' },
      ],
    });
  });

  test.each([
    { name: 'no JSON', json: '[', want: ['invalid_json', 'tools'] },
    { name: 'no list', json: '{}', want: ['invalid_request', 'tools'] },
    { name: 'no type', json: '[{"name":"ls"}]', want: ['invalid_request', 'tools[0].type'] },
    { name: 'a hosted tool', json: '[{"type":"web_search"}]', want: ['invalid_request', 'tools[0].type'] },
    { name: 'no name', json: '[{"type":"custom"}]', want: ['invalid_request', 'tools[0].name'] },
    {
      name: 'a name with a newline',
      json: JSON.stringify([{ ...lsTool, name: 'a\nb' }]),
      want: ['invalid_request', 'tools[0].name'],
    },
    {
      name: 'a name of 64 KiB',
      json: JSON.stringify([{ ...lsTool, name: 'x'.repeat(65_536) }]),
      want: ['value_out_of_range', 'tools[0].name'],
    },
    {
      name: '1,000 tools',
      json: JSON.stringify(Array.from({ length: 1_000 }, (_, index) => ({ ...lsTool, name: `ls${index}` }))),
      want: ['value_out_of_range', 'tools'],
    },
    { name: 'one name twice', json: JSON.stringify([lsTool, lsTool]), want: ['invalid_request', 'tools'] },
    {
      name: 'parameters as a text',
      json: JSON.stringify([{ ...lsTool, parameters: '{}' }]),
      want: ['invalid_request', 'tools[0].parameters'],
    },
    { name: 'a doubled key', json: '[{"type":"custom","name":"a","name":"b"}]', want: ['invalid_request', 'tools'] },
    { name: 'deep nesting', json: '['.repeat(70), want: ['json_too_deep', 'tools'] },
  ])('refuses $name', ({ json, want }) => {
    expect(refusal(() => parseTools(json, 'tools'))).toEqual(want);
  });
});

describe('parseToolChoice', () => {
  test.each([
    { json: '"auto"', want: { mode: 'auto' } },
    { json: '"none"', want: { mode: 'none' } },
    { json: '"required"', want: { mode: 'required' } },
    { json: '{"type":"function","name":"ls"}', want: { mode: 'required', only: ['ls'] } },
    {
      json: '{"type":"allowed_tools","mode":"auto","tools":[{"type":"custom","name":"patch"}]}',
      want: { mode: 'auto', only: ['patch'] },
    },
  ])('reads $json', ({ json, want }) => {
    expect(parseToolChoice(json, 'tool_choice')).toEqual(want);
  });

  test.each([
    { json: '"always"', want: ['invalid_request', 'tool_choice'] },
    { json: '{"name":"ls"}', want: ['invalid_request', 'tool_choice.type'] },
    { json: '{"type":"web_search"}', want: ['unknown_parameter', 'tool_choice.type'] },
    { json: '{"type":"function"}', want: ['invalid_request', 'tool_choice.name'] },
    { json: '{"type":"allowed_tools","mode":"none","tools":[]}', want: ['invalid_request', 'tool_choice.mode'] },
    { json: '{"type":"allowed_tools","mode":"auto"}', want: ['invalid_request', 'tool_choice.tools'] },
    { json: 'auto', want: ['invalid_json', 'tool_choice'] },
  ])('refuses $json', ({ json, want }) => {
    expect(refusal(() => parseToolChoice(json, 'tool_choice'))).toEqual(want);
  });

  const both = [{ kind: 'custom', name: 'a' } as const, { kind: 'custom', name: 'b' } as const];
  test.each([
    { choice: { mode: 'auto' } as const, want: ['a', 'b'] },
    { choice: { mode: 'none' } as const, want: [] },
    { choice: { mode: 'required', only: ['b', 'c'] } as const, want: ['b'] },
  ])('$choice leaves $want', ({ choice, want }) => {
    expect(allowedBy(choice, both).map(({ name }) => name)).toEqual(want);
  });
});
