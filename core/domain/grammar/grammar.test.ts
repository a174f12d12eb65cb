import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { isReticleError } from '../reticle-error.ts';
import { tokeniseBytes } from '../tokens/index.ts';
import { GrammarWalk } from './grammar.ts';
import { parseTextFormat } from './text-format.ts';

type Schema = { readonly [keyword: string]: unknown };
type Pick = (count: number) => number;

function grammarOf(schema: unknown) {
  const grammar = parseTextFormat(JSON.stringify({ type: 'json_schema', schema }), 'format');
  if (grammar === undefined) throw new Error('a schema has a grammar');
  return grammar;
}

/** The pieces of one text of a schema. */
function walk(schema: unknown, pick: Pick): readonly Uint8Array[] {
  const grammarWalk = new GrammarWalk(grammarOf(schema));
  const pieces: Uint8Array[] = [];
  while (grammarWalk.legal.length > 0) pieces.push(grammarWalk.take(pick(grammarWalk.legal.length)));
  expect(grammarWalk.tokens).toBe(pieces.length);
  return pieces;
}

function textOf(pieces: readonly Uint8Array[]): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces));
}

/** xorshift32: picks that a failing run repeats. */
function picks(seed: number): Pick {
  let state = seed | 1;
  return (count) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % count;
  };
}

/** JSON schema as its specification has it, for the keywords that the generator below writes. */
function isValid(value: unknown, schema: Schema): boolean {
  const { anyOf, enum: values, type } = schema;
  if (Array.isArray(anyOf)) return anyOf.some((branch: Schema) => isValid(value, branch));
  if (Array.isArray(values)) return values.some((each) => JSON.stringify(each) === JSON.stringify(value));
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  return types.some((each) => hasType(value, each)) && fitsBounds(value, schema);
}

function hasType(value: unknown, type: unknown): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  // oxlint-disable-next-line valid-typeof -- the type comes from the schema
  return typeof value === type && value !== null && !Array.isArray(value);
}

function fitsBounds(value: unknown, schema: Schema): boolean {
  const { minLength = 0, maxLength = Infinity, minItems = 0, maxItems = Infinity, items } = schema;
  if (typeof value === 'string') return within(Array.from(value).length, minLength, maxLength);
  if (Array.isArray(value)) {
    return within(value.length, minItems, maxItems) && value.every((item) => isValid(item, items as Schema));
  }
  return typeof value === 'object' && value !== null ? fitsObject(value, schema) : true;
}

function fitsObject(value: object, { properties, required }: Schema): boolean {
  const known = properties as Readonly<Record<string, Schema>>;
  const names = Object.keys(value);
  return (
    (required as readonly string[]).every((name) => names.includes(name)) &&
    Object.entries(value).every(([name, member]) => Object.hasOwn(known, name) && isValid(member, known[name] ?? {}))
  );
}

function within(value: number, min: unknown, max: unknown): boolean {
  return value >= Number(min) && value <= Number(max);
}

function range(minName: string, maxName: string, most: number): fc.Arbitrary<Schema> {
  const bound = fc.option(fc.nat({ max: most }), { nil: undefined });
  return fc.tuple(bound, bound).map(([one, other]) => {
    const [min, max] = one !== undefined && other !== undefined && one > other ? [other, one] : [one, other];
    return { ...(min === undefined ? {} : { [minName]: min }), ...(max === undefined ? {} : { [maxName]: max }) };
  });
}

const names = fc.oneof(
  fc.constantFrom(
    'name',
    'a',
    'größe',
    'abcdefgéhijklmn ',
    '~abc234 ',
    'with space',
    '"quoted"\\',
    '\u0001',
    '😀',
    '12',
  ),
  fc.string({ unit: 'grapheme', maxLength: 12 }).filter((name) => name !== '__proto__' && name !== 'constructor'),
);

const { schema: schemas } = fc.letrec<{ schema: Schema; scalar: Schema; array: Schema; object: Schema; union: Schema }>(
  (tie) => ({
    scalar: fc.oneof(
      fc.constantFrom<Schema>({ type: 'integer' }, { type: 'number' }, { type: 'boolean' }, { type: 'null' }),
      range('minLength', 'maxLength', 40).map((bounds): Schema => ({ type: 'string', ...bounds })),
      fc
        .array(fc.jsonValue({ maxDepth: 2 }), { minLength: 1, maxLength: 4 })
        .filter(isSafeJson)
        .map((values) => ({ enum: values })),
      fc.constantFrom<Schema>({ type: ['string', 'null'] }, { type: ['integer', 'boolean', 'number'] }),
    ),
    array: fc
      .tuple(tie('schema'), range('minItems', 'maxItems', 6))
      .map(([items, bounds]): Schema => ({ type: 'array', items, ...bounds })),
    object: fc
      .uniqueArray(fc.tuple(names, tie('schema'), fc.boolean()), { maxLength: 5, selector: ([name]) => name })
      .map((members) => ({
        type: 'object',
        properties: Object.fromEntries(members.map(([name, schema]) => [name, schema])),
        required: members.filter(([, , required]) => required).map(([name]) => name),
        additionalProperties: false,
      })),
    union: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
    schema: fc.oneof({ maxDepth: 3 }, tie('scalar'), tie('array'), tie('object'), tie('union')),
  }),
);

/** A few of the generated schemas have no text that is short enough, and are refused for it. */
function isTaken(schema: Schema): boolean {
  try {
    grammarOf(schema);
    return true;
  } catch (error) {
    if (isReticleError(error) && error.code === 'schema_too_complex') return false;
    throw error;
  }
}

/** Without keys that a format may not hold, and without -0, which JSON writes as 0. */
function isSafeJson(values: readonly unknown[]): boolean {
  return !/__proto__|constructor/.test(JSON.stringify(values));
}

describe('a walk', () => {
  test('ends in a JSON text that is valid against its schema, one token of the tokeniser per move', () => {
    fc.assert(
      fc.property(schemas.filter(isTaken), fc.integer(), (schema, seed) => {
        const pieces = walk(schema, picks(seed));
        const text = Buffer.concat(pieces);
        expect(isValid(JSON.parse(textOf(pieces)), schema)).toBe(true);
        expect([...tokeniseBytes(text, 1000).lengths]).toEqual(pieces.map(({ length }) => length));
      }),
      { numRuns: 300 },
    );
  });

  test('of the same picks is the same; other picks reach other texts', () => {
    const schema = { type: 'array', items: { type: 'string' }, minItems: 2 };
    const texts = [11, 11, 2000, 30_001].map((seed) => textOf(walk(schema, picks(seed))));
    expect(texts[0]).toBe(texts[1]);
    expect(new Set(texts).size).toBe(3);
  });

  test.each([
    { name: 'the first', pick: () => 0 },
    { name: 'the last', pick: (count: number) => count - 1 },
  ])('that always takes $name move ends', ({ pick }) => {
    const leaf = { type: 'array', items: { type: 'string', minLength: 40 } };
    let schema: Schema = leaf;
    for (let level = 0; level < 13; level += 1)
      schema = { type: 'array', items: schema, minItems: level === 6 ? 2 : 0 };
    expect(() => JSON.parse(textOf(walk(schema, pick)))).not.toThrow();
  });

  test('in an open schema adds nothing more once it is long: what is demanded follows', () => {
    let schema: Schema = { type: 'array', items: { type: 'integer' }, minItems: 2 };
    for (let level = 0; level < 8; level += 1) schema = { type: 'array', items: schema, minItems: 2 };
    // Always the last move: one more item wherever one may come.
    const pieces = walk(schema, (count) => count - 1);
    expect(pieces.length).toBeGreaterThan(1_024);
    expect(pieces.length).toBeLessThan(6_000);
    const isPaired = (value: unknown): boolean => !Array.isArray(value) || (value.length >= 2 && value.every(isPaired));
    expect(isPaired(JSON.parse(textOf(pieces)))).toBe(true);
  });

  test.each([
    { name: 'an empty string', schema: { type: 'string', maxLength: 0 }, want: ['""'] },
    { name: 'one character', schema: { type: 'string', maxLength: 1 }, want: ['"a"'] },
    { name: 'exactly two', schema: { type: 'string', minLength: 2, maxLength: 2 }, want: ['"in"', '"of"', '"to"'] },
    { name: 'no item', schema: { type: 'array', maxItems: 0 }, want: ['[]'] },
    { name: 'no property', schema: { type: 'object' }, want: ['{}'] },
    { name: 'a constant', schema: { const: { a: [1, 'é'] } }, want: ['{"a":[1,"é"]}'] },
    { name: 'values of one type', schema: { type: 'integer', enum: [1, 'x', 2.5, 12345] }, want: ['1', '12345'] },
    {
      name: 'optional members in their order',
      schema: { properties: { a: { const: 1 }, b: { const: 2 } }, required: ['b'] },
      want: ['{"a":1,"b":2}', '{"b":2}'],
    },
    {
      name: 'a definition, used twice',
      schema: {
        $defs: { 'a/b': { const: 7 } },
        properties: { x: { $ref: '#/$defs/a~1b' }, y: { $ref: '#/$defs/a~1b' } },
        required: ['x', 'y'],
      },
      want: ['{"x":7,"y":7}'],
    },
  ])('$name: every text that there is', ({ schema, want }) => {
    const texts = new Set(Array.from({ length: 60 }, (_, seed) => textOf(walk(schema, picks(seed * 7919)))));
    expect([...texts].toSorted()).toEqual(want);
  });

  test('takes legal moves only', () => {
    const grammarWalk = new GrammarWalk(grammarOf({ type: 'null' }));
    expect(() => grammarWalk.take(1)).toThrow('a walk takes a legal move');
    grammarWalk.take(0);
    expect(grammarWalk.legal).toEqual([]);
    expect(() => grammarWalk.take(0)).toThrow('a walk takes a legal move');
  });
});
