import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeValue } from './decode.ts';
import { sameValue } from './same-value.ts';
import {
  bool,
  int,
  list,
  listMap,
  map,
  obj,
  opt,
  set,
  str,
  updateRule,
  withDefault,
  withRules,
  writeRule,
} from './schema.ts';
import { refuseWrite, withFrozen } from './transition.ts';

const oneWay = (id: string) =>
  withDefault(
    withRules(
      bool(),
      updateRule<boolean>(id, '!oldSelf || self', 'is one-way', (self, old) => !old || self),
    ),
    false,
  );
const item = obj({ id: str(), on: oneWay('r1'), note: opt(str()) });
const parts = obj({
  name: str(),
  words: withDefault(set(str(), { maxItems: 4 }), []),
  order: withDefault(list(int(0), { maxItems: 4 }), []),
  items: withDefault(listMap(item, 'id', { maxItems: 4 }), []),
  args: withDefault(map(str(), { maxItems: 4 }), {}),
  extra: opt(str()),
});
const schema = withFrozen(
  withRules(
    parts,
    writeRule(
      'r2',
      "oldSelf.hasValue() || self.name != 'x'",
      'not at first',
      (self, old) => old !== undefined || self.name !== 'x',
    ),
  ),
  'r3',
  ['words', 'order', 'args', 'extra'],
  'make another one',
);
const sound = (raw: object) => {
  const { ok, problems } = decodeValue(schema, { name: 'a', ...raw });
  if (problems !== undefined) throw new Error(JSON.stringify(problems));
  return ok;
};
const found = (raw: object, old?: object) =>
  refuseWrite(schema, sound(raw), old === undefined ? undefined : sound(old)).map(({ path, rule, code }) => {
    expect(code).toBe('rule');
    return `${rule} ${path}`;
  });

describe('refuseWrite', () => {
  test.each([
    { name: 'a creation by a rule on writes', raw: { name: 'x' }, want: ['r2 '] },
    { name: 'no change by a rule on creations', raw: { name: 'x' }, old: {}, want: [] },
    {
      name: 'no creation by a rule on updates',
      raw: { words: ['a'], extra: 'x', items: [{ id: 'a', on: true }] },
      want: [],
    },
    {
      name: 'an item that goes back',
      raw: { items: [{ id: 'a' }] },
      old: { items: [{ id: 'a', on: true }] },
      want: ['r1 items[0].on'],
    },
    {
      name: 'an item that goes back at another place',
      raw: { items: [{ id: 'b' }, { id: 'a' }] },
      old: { items: [{ id: 'a', on: true }] },
      want: ['r1 items[1].on'],
    },
    { name: 'no item that is taken away', raw: { items: [] }, old: { items: [{ id: 'a', on: true }] }, want: [] },
    {
      name: 'no item with another identity',
      raw: { items: [{ id: 'b' }] },
      old: { items: [{ id: 'a', on: true }] },
      want: [],
    },
    { name: 'a frozen field that changes', raw: { extra: 'x' }, old: { extra: 'y' }, want: ['r3 extra'] },
    { name: 'a frozen field that comes', raw: { extra: 'x' }, old: {}, want: ['r3 extra'] },
    { name: 'a frozen field that goes', raw: {}, old: { extra: 'x' }, want: ['r3 extra'] },
    { name: 'no set in another order', raw: { words: ['a', 'b'] }, old: { words: ['b', 'a'] }, want: [] },
    { name: 'a list in another order', raw: { order: [1, 2] }, old: { order: [2, 1] }, want: ['r3 order'] },
    {
      name: 'every frozen field at once',
      raw: { words: ['a'], order: [1], args: { a: '1' } },
      old: { words: ['a', 'b'], order: [1, 2], args: { a: '2' } },
      want: ['r3 words', 'r3 order', 'r3 args'],
    },
    { name: 'no default written out', raw: { words: [], args: {} }, old: {}, want: [] },
  ])('refuses $name', ({ raw, old, want }) => {
    expect(found(raw, old)).toEqual(want);
  });

  test('says which field, why, and what to do', () => {
    expect(refuseWrite(schema, sound({ extra: 'x' }), sound({}), ['spec'])).toMatchObject([
      { path: 'spec.extra', segments: ['spec', 'extra'], message: 'is immutable (make another one)' },
    ]);
  });
});

describe('withFrozen', () => {
  test('asks for optional fields by name, and for the others by value', () => {
    const [, frozen] = schema.node.rules;
    expect(frozen?.cel).toBe(
      'self.words == oldSelf.words && self.order == oldSelf.order && self.args == oldSelf.args && ' +
        'has(self.extra) == has(oldSelf.extra) && (!has(self.extra) || self.extra == oldSelf.extra)',
    );
    expect(frozen?.message).toBe('words, order, args, extra are immutable (make another one)');
  });
});

describe('sameValue', () => {
  const raw = fc.record({
    name: fc.constantFrom('a', 'b'),
    words: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }),
    order: fc.array(fc.nat(2), { maxLength: 3 }),
    items: fc.uniqueArray(fc.record({ id: fc.constantFrom('a', 'b', 'c'), on: fc.boolean() }), {
      selector: ({ id }) => id,
      maxLength: 3,
    }),
    args: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom('1', '2'), { maxKeys: 2 }),
  });
  /** The order of sets and maps is nothing. */
  const canonical = (value: ReturnType<typeof sound>) =>
    JSON.stringify({
      ...value,
      words: value.words.toSorted(),
      items: value.items.toSorted((a, b) => a.id.localeCompare(b.id)),
      args: Object.entries(value.args).toSorted(([a], [b]) => a.localeCompare(b)),
    });

  test('is equality but for the order of sets, maps and items', () => {
    fc.assert(
      fc.property(raw, raw, (left, right) => {
        const [a, b] = [sound(left), sound(right)];
        expect(sameValue(schema.node, a, b)).toBe(canonical(a) === canonical(b));
        expect(sameValue(schema.node, b, a)).toBe(sameValue(schema.node, a, b));
        expect(sameValue(schema.node, a, structuredClone(a))).toBe(true);
      }),
    );
  });
});
