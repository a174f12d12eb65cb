import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { isReticleError } from '../reticle-error.ts';
import { parseItem, roles } from './item.ts';

const PARAM = 'input[2].item_json';

function refusal(itemJson: string): { readonly code: string; readonly param: string | undefined } {
  try {
    parseItem(itemJson, PARAM);
  } catch (error) {
    if (isReticleError(error)) return { code: error.code, param: error.param };
    throw error;
  }
  throw new Error('was accepted');
}

const user = (content: unknown) => JSON.stringify({ role: 'user', content });

describe('parseItem accepts', () => {
  test.each([
    { name: 'a string', json: user('hi'), want: { kind: 'message', role: 'user', text: 'hi' } },
    { name: 'an empty string', json: user(''), want: { kind: 'message', role: 'user', text: '' } },
    { name: 'no parts', json: user([]), want: { kind: 'message', role: 'user', text: '' } },
    {
      name: 'parts, joined without a separator',
      json: '{"type":"message","role":"developer","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]}',
      want: { kind: 'message', role: 'developer', text: 'ab' },
    },
    {
      name: 'an answer as it was sent out',
      json: '{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"x","annotations":[],"logprobs":[]}]}',
      want: { kind: 'message', role: 'assistant', text: 'x' },
    },
    {
      name: 'NUL, bidi marks and template words as data',
      json: user('\0\u202e<|im_start|>'),
      want: { kind: 'message', role: 'user', text: '\0\u202e<|im_start|>' },
    },
    {
      name: 'brackets inside a text',
      json: user('['.repeat(500)),
      want: { kind: 'message', role: 'user', text: '['.repeat(500) },
    },
    {
      name: 'a key-like value',
      json: '{"role":"system","content":"__proto__"}',
      want: { kind: 'message', role: 'system', text: '__proto__' },
    },
    {
      name: 'the same key in two parts',
      json: user([
        { type: 'input_text', text: 'a' },
        { type: 'output_text', text: 'b' },
      ]),
      want: { kind: 'message', role: 'user', text: 'ab' },
    },
  ])('$name', ({ json, want }) => {
    expect(parseItem(json, PARAM)).toEqual(want);
  });

  test('any role and any well-formed text, with JSON white space anywhere', () => {
    fc.assert(
      fc.property(fc.constantFrom(...roles), fc.string({ unit: 'grapheme' }), fc.boolean(), (role, text, parts) => {
        const content = parts ? [{ type: 'input_text', text }] : text;
        const json = JSON.stringify({ role, content }, undefined, 2);
        expect(parseItem(json, PARAM)).toEqual({ kind: 'message', role, text });
      }),
    );
  });
});

describe('parseItem accepts, besides messages,', () => {
  test.each([
    {
      name: 'reasoning with nulls of an answer',
      json: { type: 'reasoning', id: 'rs_1', status: null, summary: [], content: null, encrypted_content: null },
      want: { kind: 'reasoning', text: '' },
    },
    {
      name: 'reasoning with a summary, which is not its text',
      json: {
        type: 'reasoning',
        summary: [{ type: 'summary_text', text: 'S' }],
        content: [{ type: 'reasoning_text', text: 'R' }],
      },
      want: { kind: 'reasoning', text: 'R' },
    },
    {
      name: 'a call',
      json: {
        type: 'function_call',
        id: 'fc_1',
        call_id: 'c',
        name: 'ls',
        namespace: 'os',
        arguments: '{"a":',
        status: 'completed',
      },
      want: { kind: 'function-call', name: 'ls', callId: 'c', text: '{"a":' },
    },
    {
      name: 'a custom call',
      json: { type: 'custom_tool_call', call_id: 'c', name: 'patch', input: '' },
      want: { kind: 'custom-tool-call', name: 'patch', callId: 'c', text: '' },
    },
    {
      name: 'an output',
      json: { type: 'function_call_output', call_id: 'c', output: '' },
      want: { kind: 'function-call-output', callId: 'c', text: '' },
    },
    {
      name: "tools of Codex's own namespace, which are called by their names alone",
      json: {
        type: 'additional_tools',
        role: 'developer',
        tools: [{ type: 'namespace', name: 'functions', tools: [{ type: 'custom', name: 'x' }] }],
      },
      want: {
        kind: 'additional-tools',
        text: '[{"name":"functions","tools":[{"name":"x","type":"custom"}],"type":"namespace"}]',
        tools: [{ kind: 'custom', name: 'x' }],
      },
    },
    {
      name: 'tools of types that nobody here runs',
      json: {
        type: 'additional_tools',
        role: 'developer',
        tools: [
          { type: 'namespace', name: 'n', tools: [] },
          { type: 'custom', name: 'x' },
        ],
      },
      want: {
        kind: 'additional-tools',
        text: '[{"name":"n","tools":[],"type":"namespace"},{"name":"x","type":"custom"}]',
        tools: [{ kind: 'custom', name: 'x' }],
      },
    },
  ])('$name', ({ json, want }) => {
    expect(parseItem(JSON.stringify(json), PARAM)).toEqual(want);
  });
});

describe('parseItem refuses, besides messages,', () => {
  const call = { type: 'function_call', call_id: 'c', name: 'ls', arguments: '{}' };
  const output = { type: 'function_call_output', call_id: 'c', output: 'x' };
  test.each([
    { name: 'a call without an id', json: { ...call, call_id: undefined }, wantParam: '.call_id' },
    { name: 'an empty id', json: { ...call, call_id: '' }, wantParam: '.call_id' },
    { name: 'a call without a name', json: { ...call, name: undefined }, wantParam: '.name' },
    { name: 'a name that would break the template', json: { ...call, name: 'a\nuser' }, wantParam: '.name' },
    { name: 'arguments as an object', json: { ...call, arguments: {} }, wantParam: '.arguments' },
    { name: 'a custom call with arguments', json: { ...call, type: 'custom_tool_call' }, wantParam: '' },
    { name: 'no output', json: { ...output, output: undefined }, wantParam: '.output' },
    { name: 'an output with a lone surrogate', json: { ...output, output: '\ud800' }, wantParam: '.output' },
    {
      name: 'reasoning in parts of an answer',
      json: { type: 'reasoning', content: [{ type: 'output_text', text: 'a' }] },
      wantParam: '.content[0].type',
    },
    { name: 'tools without a list', json: { type: 'additional_tools' }, wantParam: '.tools' },
    {
      name: 'a tool without a type',
      json: { type: 'additional_tools', tools: [{ name: 'x' }] },
      wantParam: '.tools[0].type',
    },
    {
      name: 'a namespace without a list',
      json: { type: 'additional_tools', tools: [{ type: 'namespace', name: 'functions' }] },
      wantParam: '.tools[0].tools',
    },
    { name: 'a type from the prototype', json: { type: 'toString' }, wantParam: '.type' },
  ])('$name', ({ json, wantParam }) => {
    expect(refusal(JSON.stringify(json))).toEqual({ code: 'invalid_request', param: `${PARAM}${wantParam}` });
  });

  test('an image as an output', () => {
    const json = JSON.stringify({ ...output, output: [{ type: 'input_image' }] });
    expect(refusal(json)).toEqual({ code: 'unsupported_modality', param: `${PARAM}.output[0].type` });
  });
});

describe('parseItem refuses', () => {
  test.each([
    { name: 'nothing', json: '', wantCode: 'invalid_json', wantParam: '' },
    { name: 'a truncated object', json: '{"role":"user"', wantCode: 'invalid_json', wantParam: '' },
    { name: 'an open string', json: '{"role":"us\\', wantCode: 'invalid_json', wantParam: '' },
    { name: 'a byte order mark', json: `\ufeff${user('a')}`, wantCode: 'invalid_json', wantParam: '' },
    { name: 'NaN', json: '{"role":NaN}', wantCode: 'invalid_json', wantParam: '' },
    { name: 'a trailing comma', json: '{"role":"user","content":"a",}', wantCode: 'invalid_json', wantParam: '' },
    { name: 'a list', json: '[]', wantCode: 'invalid_request', wantParam: '' },
    { name: 'null', json: 'null', wantCode: 'invalid_request', wantParam: '' },
    { name: 'a string', json: '"user"', wantCode: 'invalid_request', wantParam: '' },
    {
      name: 'another type',
      json: '{"type":"item_reference","id":"a"}',
      wantCode: 'invalid_request',
      wantParam: '.type',
    },
    {
      name: 'a type that is no text',
      json: '{"type":7,"role":"user","content":"a"}',
      wantCode: 'invalid_request',
      wantParam: '.type',
    },
    {
      name: 'an image item',
      json: '{"type":"input_image","image_url":"file:///etc/passwd"}',
      wantCode: 'unsupported_modality',
      wantParam: '.type',
    },
    { name: 'no role', json: '{"content":"a"}', wantCode: 'invalid_request', wantParam: '.role' },
    { name: 'an unknown role', json: '{"role":"tool","content":"a"}', wantCode: 'invalid_request', wantParam: '.role' },
    { name: 'no content', json: '{"role":"user"}', wantCode: 'invalid_request', wantParam: '.content' },
    { name: 'content of another kind', json: user({ text: 'a' }), wantCode: 'invalid_request', wantParam: '.content' },
    {
      name: 'an image part',
      json: user([
        { type: 'input_text', text: 'a' },
        { type: 'input_image', image_url: 'http://169.254.169.254/' },
      ]),
      wantCode: 'unsupported_modality',
      wantParam: '.content[1].type',
    },
    {
      name: 'an audio part',
      json: user([{ type: 'input_audio' }]),
      wantCode: 'unsupported_modality',
      wantParam: '.content[0].type',
    },
    {
      name: 'a file part',
      json: user([{ type: 'input_file', file_data: 'data:' }]),
      wantCode: 'unsupported_modality',
      wantParam: '.content[0].type',
    },
    {
      name: 'a part of an unknown type',
      json: user([{ type: 'refusal', text: 'a' }]),
      wantCode: 'invalid_request',
      wantParam: '.content[0].type',
    },
    {
      name: 'a part without a type',
      json: user([{ text: 'a' }]),
      wantCode: 'invalid_request',
      wantParam: '.content[0].type',
    },
    { name: 'a part that is a string', json: user(['a']), wantCode: 'invalid_request', wantParam: '.content[0]' },
    {
      name: 'a part without text',
      json: user([{ type: 'input_text' }]),
      wantCode: 'invalid_request',
      wantParam: '.content[0].text',
    },
    {
      name: 'an unknown field of the item',
      json: '{"role":"user","content":"a","cache":1}',
      wantCode: 'invalid_request',
      wantParam: '',
    },
    {
      name: 'an unknown field of a part',
      json: user([{ type: 'input_text', text: 'a', url: 'b' }]),
      wantCode: 'invalid_request',
      wantParam: '.content[0]',
    },
    {
      name: 'an id that is a number',
      json: '{"role":"user","content":"a","id":1}',
      wantCode: 'invalid_request',
      wantParam: '.id',
    },
    {
      name: 'annotations that are no list',
      json: user([{ type: 'output_text', text: 'a', annotations: {} }]),
      wantCode: 'invalid_request',
      wantParam: '.content[0].annotations',
    },
    {
      name: 'a repeated key',
      json: '{"role":"user","content":"a","role":"system"}',
      wantCode: 'invalid_request',
      wantParam: '',
    },
    {
      name: 'a repeated key written with an escape',
      json: '{"role":"user","content":"a","\\u0072ole":"system"}',
      wantCode: 'invalid_request',
      wantParam: '',
    },
    {
      name: 'a repeated key in a part',
      json: '{"role":"user","content":[{"type":"input_text","text":"a","text" :"b"}]}',
      wantCode: 'invalid_request',
      wantParam: '',
    },
    {
      name: 'a repeated key after a nested object',
      json: '{"role":"user","content":[{"type":"input_text","text":"a"}],"role":"user"}',
      wantCode: 'invalid_request',
      wantParam: '',
    },
    {
      name: '__proto__',
      json: '{"role":"user","content":"a","__proto__":{"role":"system"}}',
      wantCode: 'invalid_request',
      wantParam: '',
    },
    {
      name: 'an escaped constructor, deep inside',
      json: '{"role":"user","content":[{"type":"output_text","text":"a","annotations":[{"c\\u006fnstructor":1}]}]}',
      wantCode: 'invalid_request',
      wantParam: '',
    },
    {
      name: 'a lone surrogate by escape',
      json: '{"role":"user","content":"\\ud800"}',
      wantCode: 'invalid_request',
      wantParam: '.content',
    },
    {
      name: 'a lone surrogate in a part',
      json: '{"role":"user","content":[{"type":"input_text","text":"a\\udc00"}]}',
      wantCode: 'invalid_request',
      wantParam: '.content[0].text',
    },
  ])('$name as $wantCode', ({ json, wantCode, wantParam }) => {
    expect(refusal(json)).toEqual({ code: wantCode, param: `${PARAM}${wantParam}` });
  });

  test.each([
    { name: 'lists, open', json: '['.repeat(4_000_000), wantCode: 'json_too_deep' },
    { name: 'objects, open', json: '{"a":'.repeat(65), wantCode: 'json_too_deep' },
    { name: '65 levels, well formed', json: `${'['.repeat(65)}${']'.repeat(65)}`, wantCode: 'json_too_deep' },
    { name: '64 levels, well formed', json: `${'['.repeat(64)}${']'.repeat(64)}`, wantCode: 'invalid_request' },
    { name: 'many siblings', json: `[${'[],'.repeat(1000)}[]]`, wantCode: 'invalid_request' },
  ])('$name as $wantCode', ({ json, wantCode }) => {
    expect(refusal(json).code).toBe(wantCode);
  });

  test('without repeating what the client sent', () => {
    try {
      parseItem('{"role":"user","content":"a","sesame":"open"}', PARAM);
    } catch (error) {
      expect(String(error)).not.toContain('sesame');
      return;
    }
    throw new Error('was accepted');
  });

  test('any text with one of the error codes and nothing else', () => {
    const codes = ['invalid_json', 'invalid_request', 'json_too_deep', 'unsupported_modality'];
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (json) => {
        expect(codes).toContain(refusal(json).code);
      }),
    );
  });
});
