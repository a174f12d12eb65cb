import { describe, expect, test } from '@jest/globals';

import { GrammarWalk } from './grammar.ts';
import { parseTextFormat } from './text-format.ts';

function outcome(format: unknown): string {
  try {
    const text = typeof format === 'string' ? format : JSON.stringify(format);
    return parseTextFormat(text, 'here') === undefined ? 'none' : 'grammar';
  } catch (error) {
    const { code, param } = error as { code: string; param: string };
    return `${code} ${param}`;
  }
}

const COMPLEX = 'schema_too_complex here';
const INVALID = 'invalid_request here';
const STRING = { type: 'string' };

/** Arrays of arrays, so many schemas deep. */
function nested(levels: number): unknown {
  return levels === 1 ? STRING : { type: 'array', items: nested(levels - 1) };
}

function properties(count: number, prefix = 'p'): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, { type: 'null' }]));
}

/** Each definition refers twice to the next: 2^levels branches in a text that is linear in the levels. */
function doubling(levels: number): unknown {
  const $defs = Object.fromEntries(
    Array.from({ length: levels }, (_, level) => {
      const ref = level + 1 < levels ? { $ref: `#/$defs/d${level + 1}` } : STRING;
      return [`d${level}`, { anyOf: [{ anyOf: [ref] }, { anyOf: [ref] }] }];
    }),
  );
  return { $defs, $ref: '#/$defs/d0' };
}

describe('a text format', () => {
  test.each([
    { name: 'text', format: { type: 'text' }, want: 'none' },
    { name: 'any object', format: { type: 'json_object' }, want: 'grammar' },
    {
      name: 'a schema with its labels',
      format: { type: 'json_schema', name: 'answer', description: 'what is asked', strict: true, schema: STRING },
      want: 'grammar',
    },
    { name: 'strict unset', format: { type: 'json_schema', strict: null, schema: STRING }, want: 'grammar' },
    { name: 'no schema', format: { type: 'json_schema' }, want: 'missing_required_parameter here' },
    { name: 'a schema of plain text', format: { type: 'text', schema: STRING }, want: INVALID },
    { name: 'another type', format: { type: 'grammar', syntax: 'lark' }, want: INVALID },
    { name: 'no type', format: {}, want: INVALID },
    { name: 'the shape of Chat', format: { type: 'json_schema', json_schema: { schema: STRING } }, want: INVALID },
    { name: 'a label that is none', format: { type: 'json_schema', name: 7, schema: STRING }, want: INVALID },
    { name: 'strict by a word', format: { type: 'json_schema', strict: 'yes', schema: STRING }, want: INVALID },
    { name: 'a list', format: [], want: INVALID },
    { name: 'no JSON', format: '{', want: 'invalid_json here' },
    { name: 'a repeated key', format: '{"type":"text","type":"json_object"}', want: INVALID },
    {
      name: 'a key of the prototype',
      format: '{"type":"json_schema","schema":{"properties":{"__proto__":{}}}}',
      want: INVALID,
    },
    { name: 'arrays without end', format: '['.repeat(60_000), want: 'json_too_deep here' },
    { name: 'more than 64 Ki characters', format: `{"type":"text"}${' '.repeat(65_536)}`, want: COMPLEX },
  ])('$name: $want', ({ format, want }) => {
    expect(outcome(format)).toBe(want);
  });

  test('json_object makes an object', () => {
    const grammar = parseTextFormat('{"type":"json_object"}', 'here');
    if (grammar === undefined) throw new Error('json_object has a grammar');
    const walk = new GrammarWalk(grammar);
    expect(new TextDecoder().decode(walk.take(0))).toBe('{');
  });
});

describe('a schema', () => {
  test.each([
    { name: 'nothing at all', schema: {} },
    { name: 'annotations', schema: { ...STRING, title: 't', description: 'd', default: 1, examples: [1] } },
    { name: 'a type or null', schema: { type: ['object', 'null'], additionalProperties: false } },
    { name: 'more properties allowed than made', schema: { type: 'object', additionalProperties: true } },
    { name: '16 levels', schema: nested(16) },
    { name: '200 properties', schema: { properties: properties(200) } },
    { name: '1,000 values', schema: { enum: Array.from({ length: 1000 }, (_, value) => value) } },
    { name: '999 branches', schema: { anyOf: Array.from({ length: 999 }, () => STRING) } },
    { name: 'the longest text', schema: { type: 'array', items: { type: 'null' }, minItems: 1_023 } },
    { name: 'a definition that nobody uses', schema: { $defs: { bad: { pattern: 'x' } }, ...STRING } },
    { name: 'old definitions', schema: { definitions: { a: STRING }, $ref: '#/definitions/a' } },
    { name: 'shared definitions', schema: doubling(5) },
  ])('$name is taken', ({ schema }) => {
    expect(outcome({ type: 'json_schema', schema })).toBe('grammar');
  });

  test.each([
    { name: 'a pattern that backtracks', schema: { ...STRING, pattern: '(a+)+$' } },
    { name: 'a format', schema: { ...STRING, format: 'date-time' } },
    { name: 'a remote reference', schema: { $ref: 'https://example.com/schema.json#/$defs/a' } },
    { name: 'a reference to itself', schema: { properties: { next: { $ref: '#' } } } },
    {
      name: 'a reference outside the definitions',
      schema: { properties: { a: STRING, b: { $ref: '#/properties/a' } } },
    },
    { name: 'a definition of itself', schema: { $defs: { a: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' } },
    {
      name: 'two definitions of each other',
      schema: {
        $defs: { a: { items: { $ref: '#/$defs/b' } }, b: { items: { $ref: '#/$defs/a' } } },
        $ref: '#/$defs/a',
      },
    },
    { name: '17 levels', schema: nested(17) },
    {
      name: '17 levels behind references',
      schema: { $defs: { a: nested(14) }, anyOf: [{ $ref: '#/$defs/a' }, { items: { $ref: '#/$defs/a' } }] },
    },
    { name: '201 properties', schema: { properties: properties(201) } },
    {
      name: '201 properties in all',
      schema: { properties: { ...properties(100), x: { properties: properties(100, 'q') } } },
    },
    { name: '10,000 properties', schema: { properties: properties(10_000) } },
    { name: '1,001 values', schema: { enum: Array.from({ length: 1001 }, (_, value) => value) } },
    { name: 'an array of 1,024', schema: { type: 'array', items: { type: 'null' }, minItems: 1_024 } },
    { name: 'arrays of 10^9 each', schema: { type: 'array', minItems: 1e9, items: { type: 'array', minItems: 1e9 } } },
    { name: 'a string of 10^15', schema: { ...STRING, minLength: 1e15 } },
    { name: '1,000 branches', schema: { anyOf: Array.from({ length: 1000 }, () => STRING) } },
    { name: 'branches that double', schema: doubling(8) },
    { name: 'all of several', schema: { allOf: [STRING] } },
    { name: 'one of several', schema: { oneOf: [STRING] } },
    { name: 'a range', schema: { type: 'integer', minimum: 3 } },
    { name: 'branches and a type', schema: { type: 'object', anyOf: [STRING] } },
    { name: 'a reference and a bound', schema: { $defs: { a: STRING }, $ref: '#/$defs/a', minLength: 3 } },
    { name: 'values and a bound', schema: { enum: ['a'], minLength: 3 } },
    { name: 'values and a constant', schema: { enum: ['a'], const: 'a' } },
    { name: 'a schema for more properties', schema: { type: 'object', additionalProperties: STRING } },
  ])('$name is too complex', ({ schema }) => {
    expect(outcome({ type: 'json_schema', schema })).toBe(COMPLEX);
  });

  test.each([
    { name: 'true', schema: true },
    { name: 'a list', schema: [] },
    { name: 'a word that is no keyword', schema: { ...STRING, minlength: 3 } },
    { name: 'a type that is none', schema: { type: 'text' } },
    { name: 'a type twice', schema: { type: ['string', 'string'] } },
    { name: 'no type in a list', schema: { type: [] } },
    { name: 'properties in a list', schema: { properties: [] } },
    { name: 'required as a flag', schema: { properties: { a: STRING }, required: true } },
    { name: 'a required property that is none', schema: { properties: { a: STRING }, required: ['b'] } },
    { name: 'additional properties by number', schema: { type: 'object', additionalProperties: 0 } },
    { name: 'a negative length', schema: { ...STRING, minLength: -1 } },
    { name: 'half a length', schema: { ...STRING, maxLength: 1.5 } },
    { name: 'a length in words', schema: { ...STRING, maxLength: '3' } },
    { name: 'a range without a number', schema: { type: 'array', minItems: 4, maxItems: 3 } },
    { name: 'no value', schema: { enum: [] } },
    { name: 'values as an object', schema: { enum: {} } },
    { name: 'no value of the type', schema: { type: 'string', enum: [1, null] } },
    { name: 'no branch', schema: { anyOf: [] } },
    { name: 'a reference by number', schema: { $ref: 7 } },
    { name: 'a reference to nothing', schema: { $ref: '#/$defs/a' } },
    { name: 'a reference into the prototype', schema: { $defs: {}, $ref: '#/$defs/toString' } },
    { name: 'a branch that is no schema', schema: { anyOf: [STRING, null] } },
  ])('$name is invalid', ({ schema }) => {
    expect(outcome({ type: 'json_schema', schema })).toBe(INVALID);
  });

  test('a number that JSON cannot keep is invalid', () => {
    expect(outcome('{"type":"json_schema","schema":{"const":[1e400]}}')).toBe(INVALID);
  });
});
