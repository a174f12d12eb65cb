import { describe, expect, test } from '@jest/globals';
import type { ModelDefaults } from '@reticle/core/domain';
import type { CreateResponse } from './create-response.ts';
import { decodeChat } from './decode-chat.ts';
import { decodeResponse } from './decode-response.ts';
import { withDefaults } from './model-defaults.ts';
import { responseFields } from './response-fields.ts';

const tools = [{ type: 'function', name: 'ls', parameters: { type: 'object', properties: {} } }];
const response = (over: object = {}): CreateResponse => decodeResponse({ model: 'm', input: 'Hi', ...over });
const defaults: ModelDefaults = {
  instructions: 'Answer in "one" line.',
  toolPolicy: { parallelToolCalls: false, defaultToolChoice: 'required' },
};

describe('what a model gives', () => {
  test('stands before the input, and is named', () => {
    const create = withDefaults(response(), defaults);
    expect(create.items.map(({ json }) => JSON.parse(json) as object)).toMatchObject([
      { role: 'developer', content: 'Answer in "one" line.' },
      { role: 'user' },
    ]);
    expect(create.defaults).toEqual(['instructions']);
    expect(responseFields(create)('input[1].content')).toBe('input[0].content');
  });

  test.each([
    { name: 'has instructions', over: { instructions: 'Mine.' } },
    { name: 'goes on from another response', over: { previous_response_id: `resp_${'a'.repeat(58)}` } },
    ...['system', 'developer'].map((role) => ({
      name: `has a ${role} item`,
      over: {
        input: [
          { role: 'user', content: 'Hi' },
          { role, content: 'Mine.' },
        ],
      },
    })),
  ])('is no instruction to a request that $name', ({ over }) => {
    const create = response(over);
    expect(withDefaults(create, defaults)).toBe(create);
  });

  test('is one where a user only writes of such items', () => {
    const create = response({ input: [{ role: 'user', content: '{"role":"developer"}' }] });
    expect(withDefaults(create, defaults).defaults).toEqual(['instructions']);
  });

  test('says what becomes of tools where the request has some and does not', () => {
    const create = withDefaults(response({ tools }), defaults);
    expect(create.defaults).toEqual(['instructions', 'parallel_tool_calls', 'tool_choice']);
    expect(create.params).toMatchObject({ parallelToolCalls: false, toolChoice: '"required"' });
    expect(create.echo).toMatchObject({ parallelToolCalls: false, toolChoice: 'required' });
  });

  test('leaves what a request says of its tools', () => {
    const asked = response({ tools, tool_choice: 'auto', parallel_tool_calls: true });
    expect(withDefaults(asked, { toolPolicy: defaults.toolPolicy })).toBe(asked);
  });

  test('is the same for Chat', () => {
    const { create } = decodeChat({ model: 'm', messages: [{ role: 'user', content: 'Hi' }] });
    expect(withDefaults(create, defaults).items).toEqual(withDefaults(response(), defaults).items);
  });

  test.each([undefined, {}, { instructions: '' }])('may be nothing', (none) => {
    const create = response({ tools });
    expect(withDefaults(create, none)).toBe(create);
  });
});
