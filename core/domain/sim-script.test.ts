import { describe, expect, test } from '@jest/globals';

import { isReticleError } from './reticle-error.ts';
import { parseSimScript, ruleMatches } from './sim-script.ts';
import { parseItem } from './tokens/index.ts';

const answer = { message: {} };

function refusal(script: unknown): readonly unknown[] {
  try {
    parseSimScript(typeof script === 'string' ? script : JSON.stringify(script), 'script');
  } catch (error) {
    if (isReticleError(error)) return [error.code, error.param];
    throw error;
  }
  throw new Error('was accepted');
}

describe('parseSimScript', () => {
  test('reads rules in order', () => {
    const script = [
      {
        lastItem: 'message',
        role: 'user',
        text: 'list',
        items: [
          { reasoning: 24 },
          { call: { name: 'exec', arguments: { b: 1, a: 'ü' } } },
          { call: { name: 'patch', input: '*** Begin' } },
          { call: { name: 'other' } },
        ],
      },
      { items: [{ message: { text: 'Done.' } }, answer] },
    ];
    expect(parseSimScript(JSON.stringify(script), 'script')).toEqual([
      {
        lastItem: 'message',
        role: 'user',
        text: 'list',
        items: [
          { kind: 'reasoning', tokens: 24 },
          { kind: 'call', name: 'exec', tool: 'function', text: '{"b":1,"a":"ü"}' },
          { kind: 'call', name: 'patch', tool: 'custom', text: '*** Begin' },
          { kind: 'call', name: 'other' },
        ],
      },
      { items: [{ kind: 'message', text: 'Done.' }, { kind: 'message' }] },
    ]);
  });

  test.each([
    { name: 'no JSON', script: '[', want: ['invalid_json', 'script'] },
    { name: 'no list', script: {}, want: ['invalid_request', 'script'] },
    {
      name: 'too many rules',
      script: Array.from({ length: 65 }, () => ({ items: [answer] })),
      want: ['invalid_request', 'script'],
    },
    { name: 'a rule without items', script: [{}], want: ['invalid_request', 'script[0].items'] },
    { name: 'no item', script: [{ items: [] }], want: ['invalid_request', 'script[0].items'] },
    { name: 'an unknown field', script: [{ when: 1, items: [answer] }], want: ['invalid_request', 'script[0]'] },
    {
      name: 'an unknown item type',
      script: [{ lastItem: 'tools', items: [answer] }],
      want: ['invalid_request', 'script[0].lastItem'],
    },
    {
      name: 'an unknown role',
      script: [{ role: 'tool', items: [answer] }],
      want: ['invalid_request', 'script[0].role'],
    },
    { name: 'an empty text', script: [{ text: '', items: [answer] }], want: ['invalid_request', 'script[0].text'] },
    {
      name: 'an empty message',
      script: [{ items: [{ message: { text: '' } }] }],
      want: ['invalid_request', 'script[0].items[0].message.text'],
    },
    {
      name: 'prose before another item',
      script: [{ items: [answer, { reasoning: 2 }] }],
      want: ['invalid_request', 'script[0].items[0]'],
    },
    {
      name: 'two things in one item',
      script: [{ items: [{ reasoning: 2, message: {} }] }],
      want: ['invalid_request', 'script[0].items[0]'],
    },
    {
      name: 'no tokens of reasoning',
      script: [{ items: [{ reasoning: 0 }] }],
      want: ['invalid_request', 'script[0].items[0].reasoning'],
    },
    {
      name: 'too many',
      script: [{ items: [{ reasoning: 5_000 }] }],
      want: ['invalid_request', 'script[0].items[0].reasoning'],
    },
    {
      name: 'a call without a name',
      script: [{ items: [{ call: {} }] }],
      want: ['invalid_request', 'script[0].items[0].call.name'],
    },
    {
      name: 'arguments as a text',
      script: [{ items: [{ call: { name: 'a', arguments: '{}' } }] }],
      want: ['invalid_request', 'script[0].items[0].call.arguments'],
    },
    {
      name: 'arguments and an input',
      script: [{ items: [{ call: { name: 'a', arguments: {}, input: 'b' } }] }],
      want: ['invalid_request', 'script[0].items[0].call'],
    },
  ])('refuses $name', ({ script, want }) => {
    expect(refusal(script)).toEqual(want);
  });
});

describe('ruleMatches', () => {
  const message = parseItem('{"role":"user","content":"Please LIST files."}', 'x');
  const output = parseItem('{"type":"function_call_output","call_id":"c","output":"a.txt"}', 'x');
  const items = [] as const;
  test.each([
    { name: 'no condition', rule: { items }, item: undefined, want: true },
    { name: 'a type', rule: { lastItem: 'message', items } as const, item: message, want: true },
    { name: 'another type', rule: { lastItem: 'message', items } as const, item: output, want: false },
    { name: 'a role', rule: { role: 'user', items } as const, item: message, want: true },
    { name: 'another role', rule: { role: 'developer', items } as const, item: message, want: false },
    { name: 'a role of what has none', rule: { role: 'user', items } as const, item: output, want: false },
    { name: 'a text in another case', rule: { text: 'list FILES', items }, item: message, want: true },
    { name: 'a text of an output', rule: { text: 'a.txt', items }, item: output, want: true },
    { name: 'another text', rule: { text: 'folders', items }, item: message, want: false },
    { name: 'a condition on nothing', rule: { text: 'a', items }, item: undefined, want: false },
  ])('$name: $want', ({ rule, item, want }) => {
    expect(ruleMatches(rule, item)).toBe(want);
  });
});
