import { describe, expect, test } from '@jest/globals';
import { isReticleError } from '@reticle/core/domain';
import { decodeChat } from './decode-chat.ts';
import type { Fields } from './json-fields.ts';

const plain = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] };

function refusal(fields: Fields): readonly [string, string | undefined] {
  try {
    decodeChat(fields);
  } catch (error) {
    if (isReticleError(error)) return [error.code, error.param];
    throw error;
  }
  throw new Error('was accepted');
}

describe('a Chat body', () => {
  test('needs a model and messages, and has defaults for the rest', () => {
    expect(decodeChat(plain)).toMatchObject({
      create: {
        model: 'm',
        items: [{ kind: 'item', json: '{"type":"message","role":"user","content":"Hi"}' }],
        params: { stop: [] },
        maxOutputTokens: undefined,
        tier: undefined,
        stream: false,
        background: false,
        generate: true,
      },
      choices: 1,
      includeUsage: false,
    });
  });

  test('null is absent, as the SDKs send it', () => {
    const nulls = [
      'n',
      'stop',
      'seed',
      'temperature',
      'top_p',
      'max_tokens',
      'max_completion_tokens',
      'tools',
      'logit_bias',
    ];
    const fields = { ...plain, ...Object.fromEntries(nulls.map((name) => [name, null])) };
    expect(decodeChat(fields)).toEqual(decodeChat(plain));
  });

  test('has everything that an engine takes', () => {
    const decoded = decodeChat({
      ...plain,
      n: 3,
      stop: 'x',
      seed: 7,
      temperature: 0,
      top_p: 0.5,
      service_tier: 'priority',
      stream: true,
      stream_options: { include_usage: true },
      prompt_cache_key: 'k',
    });
    expect(decoded).toMatchObject({
      create: {
        params: { stop: ['x'], seed: 7, temperature: 0, topP: 0.5 },
        tier: 'fast',
        stream: true,
        cacheKey: 'k',
      },
      choices: 3,
      includeUsage: true,
    });
  });

  test.each([
    {
      name: 'the newer bound wins',
      fields: { max_tokens: 5, max_completion_tokens: 6 },
      want: ['max_completion_tokens', 6],
    },
    { name: 'the older one alone', fields: { max_tokens: 5 }, want: ['max_tokens', 5] },
  ])('$name', ({ fields, want }) => {
    const { outputField, create } = decodeChat({ ...plain, ...fields });
    expect([outputField, create.maxOutputTokens]).toEqual(want);
  });

  test.each([
    { format: { type: 'text' }, want: { type: 'text' } },
    { format: { type: 'json_object' }, want: { type: 'json_object' } },
    {
      format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'null' }, strict: true } },
      want: { name: 'n', schema: { type: 'null' }, strict: true, type: 'json_schema' },
    },
    {
      format: { type: 'json_schema', json_schema: { type: 'text', name: 'n', schema: {} } },
      want: { type: 'json_schema', name: 'n', schema: {} },
    },
  ])('response_format $format.type', ({ format, want }) => {
    const { textFormat = '' } = decodeChat({ ...plain, response_format: format }).create.params;
    expect(JSON.parse(textFormat)).toEqual(want);
  });

  test('names what had no effect', () => {
    expect(decodeChat({ ...plain, frequency_penalty: 1, prediction: {}, user: 'u' }).create.echo.ignored).toEqual([
      'frequency_penalty',
      'prediction',
    ]);
  });

  test.each([
    { fields: { stream_options: [] }, want: ['invalid_request', 'stream_options'] },
    { fields: { stream_options: { include_usage: 1 }, stream: true }, want: ['invalid_request', 'include_usage'] },
    { fields: { response_format: 'json' }, want: ['invalid_request', 'response_format'] },
    { fields: { response_format: { type: 'json_schema' } }, want: ['invalid_request', 'response_format.json_schema'] },
    { fields: { functions: [{}] }, want: ['unknown_parameter', 'functions'] },
    {
      fields: {
        tools: [{ type: 'function', function: { name: 'y' } }],
        tool_choice: { type: 'function', function: { name: 'x' } },
      },
      want: ['invalid_request', 'tool_choice'],
    },
    {
      fields: { messages: [{ role: 'tool', tool_call_id: 'c', content: 'a' }] },
      want: ['invalid_request', 'messages[0].tool_call_id'],
    },
    { fields: { tools: [7] }, want: ['invalid_request', 'tools[0]'] },
    { fields: { messages: {} }, want: ['invalid_request', 'messages'] },
    {
      fields: { messages: [{ role: 'assistant', content: 'a', tool_calls: [{}] }] },
      want: ['invalid_request', 'messages[0].tool_calls[0].type'],
    },
    {
      fields: { messages: [{ role: 'assistant', content: 'a', audio: { id: 'x' } }] },
      want: ['unsupported_modality', 'messages[0].audio'],
    },
    {
      fields: { messages: [{ role: 'user', content: [{ type: 'input_text', text: 'a' }] }] },
      want: ['invalid_request', 'messages[0].content[0].type'],
    },
    {
      fields: { messages: [{ role: 'user', content: [{ type: 'text' }] }] },
      want: ['invalid_request', 'messages[0].content[0].text'],
    },
  ])('refuses $fields as $want', ({ fields, want }) => {
    expect(refusal({ ...plain, ...fields })).toEqual(want);
  });
});
