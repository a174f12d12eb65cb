import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeValue } from './decode.ts';
import { problemAt } from './problem.ts';
import {
  bool,
  enumOf,
  int,
  intOf,
  list,
  listMap,
  map,
  obj,
  opt,
  rule,
  set,
  str,
  withDefault,
  withRules,
  type Infer,
} from './schema.ts';

const schema = obj({
  name: str({ maxLength: 5, pattern: '^[a-z]+$', hint: 'lower-case letters' }),
  wafers: int(1, 256),
  bits: opt(intOf([4, 8])),
  on: withDefault(bool(), true),
  mode: withDefault(enumOf(['Open', 'Cordon']), 'Open'),
  nested: withDefault(obj({ seconds: withDefault(int(0), 30) }), {}),
  tags: withDefault(set(str(), { maxItems: 2 }), []),
  items: opt(listMap(obj({ id: str(), size: opt(int(0)) }), 'id', { minItems: 1, maxItems: 3 })),
  order: opt(list(int(0), { maxItems: 2 })),
  args: opt(map(str(), { maxItems: 2 })),
});
const good: Infer<typeof schema> = {
  name: 'abc',
  wafers: 12,
  on: true,
  mode: 'Open',
  nested: { seconds: 30 },
  tags: [],
};

/** `want`: path, code and a part of the message. */
type Refusal = { readonly name: string; readonly raw: object; readonly want: readonly [string, string, string] };

describe('decodeValue', () => {
  test('applies defaults, also inside defaulted objects, and leaves optional fields out', () => {
    expect(decodeValue(schema, { name: 'abc', wafers: 12 })).toEqual({ ok: good });
  });

  test('keeps what is given over its default, false and zero included', () => {
    const raw = { ...good, on: false, mode: 'Cordon', nested: { seconds: 0 }, tags: ['x'], order: [0, 0] };
    expect(decodeValue(schema, raw)).toEqual({ ok: raw });
  });

  test('takes null for absent, as the API server prunes it', () => {
    expect(decodeValue(schema, { ...good, bits: null, on: null }).ok).toEqual(good);
    expect(decodeValue(schema, { ...good, name: null }).problems).toMatchObject([{ path: 'name', code: 'required' }]);
  });

  test.each<Refusal>([
    {
      name: 'missing field',
      raw: { wafers: null },
      want: ['wafers', 'required', 'is missing (add a whole number from 1 to 256)'],
    },
    { name: 'quoted number', raw: { wafers: '12' }, want: ['wafers', 'type', 'not a string (remove the quotes)'] },
    {
      name: 'word for a number',
      raw: { wafers: 'many' },
      want: ['wafers', 'type', 'must be a whole number from 1 to 256, not a string'],
    },
    { name: 'fraction', raw: { wafers: 1.5 }, want: ['wafers', 'type', 'not 1.5'] },
    { name: 'not a number at all', raw: { wafers: Number.NaN }, want: ['wafers', 'type', 'not NaN'] },
    {
      name: 'number past exact integers',
      raw: { nested: { seconds: 2 ** 53 } },
      want: ['nested.seconds', 'type', 'not 9007199254740992'],
    },
    {
      name: 'below the range',
      raw: { wafers: 0 },
      want: ['wafers', 'range', '0 is out of range (use a whole number from 1 to 256)'],
    },
    { name: 'above the range', raw: { wafers: 257 }, want: ['wafers', 'range', '257 is out of range'] },
    {
      name: 'negative of an open range',
      raw: { nested: { seconds: -1 } },
      want: ['nested.seconds', 'range', 'of at least 0'],
    },
    {
      name: 'inside the range but not allowed',
      raw: { bits: 5 },
      want: ['bits', 'range', 'use a whole number out of 4, 8'],
    },
    { name: 'number for a string', raw: { name: 7 }, want: ['name', 'type', '(put it in quotes: "7")'] },
    { name: 'empty string', raw: { name: '' }, want: ['name', 'range', 'has 0 characters (use 1 to 5)'] },
    { name: 'long string', raw: { name: 'abcdef' }, want: ['name', 'range', 'has 6 characters (use 1 to 5)'] },
    {
      name: 'string outside its pattern',
      raw: { name: 'Abc' },
      want: ['name', 'pattern', '"Abc" is malformed (use lower-case letters)'],
    },
    { name: 'pattern met by one line of two', raw: { name: 'a\nb' }, want: ['name', 'pattern', 'malformed'] },
    { name: 'word for a boolean', raw: { on: 'yes' }, want: ['on', 'type', '(write true or false without quotes)'] },
    { name: 'enum value in the wrong case', raw: { mode: 'cordon' }, want: ['mode', 'enum', 'did you mean "Cordon"?'] },
    { name: 'enum value unlike any', raw: { mode: 'Xyz' }, want: ['mode', 'enum', 'use one of: Open, Cordon'] },
    {
      name: 'list for an object',
      raw: { nested: [] },
      want: ['nested', 'type', 'must be an object with seconds, not a list'],
    },
    { name: 'object for a list', raw: { tags: {} }, want: ['tags', 'type', 'must be a list, not an object'] },
    { name: 'list for a map', raw: { args: [] }, want: ['args', 'type', 'must be an object of strings, not a list'] },
    { name: 'too many items', raw: { tags: ['a', 'b', 'c'] }, want: ['tags', 'range', 'has 3 items (use 0 to 2)'] },
    { name: 'too few items', raw: { items: [] }, want: ['items', 'range', 'has 0 items (use 1 to 3)'] },
    {
      name: 'set with a value twice',
      raw: { tags: ['a', 'a'] },
      want: ['tags[1]', 'duplicate', '"a" is already item 0'],
    },
    {
      name: 'map list with an identity twice',
      raw: { items: [{ id: 'a' }, { id: 'b' }, { id: 'a', size: 1 }] },
      want: ['items[2]', 'duplicate', '"a" is already item 0'],
    },
    { name: 'null in a list', raw: { order: [null] }, want: ['order[0]', 'type', 'not nothing'] },
    {
      name: 'number in a map of strings',
      raw: { args: { seed: 7 } },
      want: ['args.seed', 'type', '(put it in quotes: "7")'],
    },
    {
      name: 'too many map entries',
      raw: { args: { a: 'x', b: 'x', c: 'x' } },
      want: ['args', 'range', 'has 3 entries (use at most 2)'],
    },
    {
      name: 'unknown field near a known one',
      raw: { wafer: 3 },
      want: ['wafer', 'unknown_field', 'did you mean "wafers"?'],
    },
    {
      name: 'unknown field below',
      raw: { nested: { minutes: 3 } },
      want: ['nested.minutes', 'unknown_field', 'is not a field of nested (it has: seconds)'],
    },
    {
      name: 'unknown field named like a method',
      raw: { toString: 3 },
      want: ['toString', 'unknown_field', 'is not a field of the object'],
    },
  ])('refuses a $name', ({ raw, want: [wantPath, wantCode, wantMessage] }) => {
    const { ok, problems } = decodeValue(schema, { ...good, ...raw });
    expect(ok).toBeUndefined();
    expect(problems).toMatchObject([{ path: wantPath, code: wantCode, message: expect.stringContaining(wantMessage) }]);
  });

  test('names every problem at once, and stays below a list that is too long', () => {
    const raw = { wafers: '12', on: 3, nested: { seconds: -1, x: 1 }, tags: [1, 2, 3], extra: {} };
    const problems = decodeValue(schema, raw).problems ?? [];
    expect(problems.map((problem) => `${problem.path} ${problem.code}`)).toEqual([
      'name required',
      'wafers type',
      'on type',
      'nested.seconds range',
      'nested.x unknown_field',
      'tags range',
      'extra unknown_field',
    ]);
  });

  test('prefixes paths with the place of the value', () => {
    expect(decodeValue(int(1), 0, ['spec', 'regions', 0, 'labels', 'a.b/c']).problems).toMatchObject([
      { path: 'spec.regions[0].labels[a.b/c]', segments: ['spec', 'regions', 0, 'labels', 'a.b/c'] },
    ]);
  });

  test('cuts a long value that it shows', () => {
    const [problem] = decodeValue(enumOf(['a']), 'x'.repeat(500)).problems ?? [];
    expect(problem?.message).toContain(`"${'x'.repeat(40)}…"`);
  });

  test('keeps a __proto__ key of a map as plain data', () => {
    const raw: unknown = JSON.parse('{"__proto__":"x"}');
    const decoded = decodeValue(map(str(), { maxItems: 1 }), raw).ok ?? {};
    expect(Object.entries(decoded)).toEqual([['__proto__', 'x']]);
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
  });

  test('changes nothing when its result is decoded again, and never throws', () => {
    const partial = fc.record(
      {
        name: fc.constantFrom('abc', 'x', 'Abc'),
        wafers: fc.integer({ min: -1, max: 300 }),
        on: fc.oneof(fc.boolean(), fc.jsonValue()),
        nested: fc.oneof(fc.constant({}), fc.jsonValue()),
        tags: fc.oneof(fc.array(fc.constantFrom('a', 'b')), fc.jsonValue()),
        items: fc.array(fc.record({ id: fc.constantFrom('a', 'b') })),
      },
      { requiredKeys: ['name', 'wafers'] },
    );
    fc.assert(
      fc.property(fc.oneof({ arbitrary: partial, weight: 3 }, { arbitrary: fc.jsonValue(), weight: 1 }), (raw) => {
        const once = decodeValue(schema, raw);
        if (once.problems === undefined) expect(decodeValue(schema, once.ok)).toEqual(once);
        else expect(once.problems.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('rule', () => {
  const pair = withRules(
    obj({ min: int(0), max: int(0) }),
    rule('r1', 'self.min <= self.max', 'min exceeds max', (self) => self.min <= self.max),
    rule('r2', 'self.max != 13', 'unlucky', (self) => (self.max === 13 ? [{ at: ['max'], message: 'no 13' }] : [])),
  );

  test.each([
    { name: 'accepts', raw: { min: 1, max: 2 }, want: undefined },
    {
      name: 'refuses at its node',
      raw: { min: 3, max: 2 },
      want: [{ path: 'spec', rule: 'r1', message: 'min exceeds max' }],
    },
    {
      name: 'refuses at the places it names',
      raw: { min: 3, max: 13 },
      want: [{ path: 'spec.max', rule: 'r2', message: 'no 13' }],
    },
    { name: 'runs beside the others', raw: { min: 14, max: 13 }, want: [{ rule: 'r1' }, { rule: 'r2' }] },
    { name: 'waits for a sound value', raw: { min: 'x', max: 13 }, want: [{ path: 'spec.min', code: 'type' }] },
  ])('$name', ({ raw, want }) => {
    const { problems } = decodeValue(pair, raw, ['spec']);
    if (want === undefined) expect(problems).toBeUndefined();
    else {
      expect(problems).toHaveLength(want.length);
      expect(problems).toMatchObject(want);
    }
  });
});

describe('problemAt', () => {
  test('writes the root as an empty path', () => {
    expect(problemAt([], 'type', 'x').path).toBe('');
  });
});
